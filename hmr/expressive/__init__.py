"""Bodies with hands, jaw and expression: SMPL-X's 55 joints, beside the 24 joints that the generator and the scorer speak."""

from hmr.expressive.model import ExpressiveBody, ExpressiveModel, free_expressive_body
from hmr.expressive.params import ExpressiveParams

__all__ = ["ExpressiveBody", "ExpressiveModel", "ExpressiveParams", "free_expressive_body"]
