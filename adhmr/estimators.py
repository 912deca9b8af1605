"""Anything that proposes bodies, from its folder."""

from __future__ import annotations

from pathlib import Path

from diffusion_hmr.protocol import load_generator
from hmr.estimator import Estimator
from hmr.networks.checkpoint import kind_of
from regressors import ExpressiveRegressor, Regressor


def load_estimator(folder: Path) -> Estimator:
    """A generator or a regressor. Raises ValueError when the folder holds neither."""
    for regressor in (Regressor, ExpressiveRegressor):
        if kind_of(folder) == regressor.kind:
            return regressor.from_pretrained(folder)
    return load_generator(folder)
