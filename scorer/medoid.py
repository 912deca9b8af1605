"""A judge that needs no training: who is nearest to all other candidates of the picture. It sees no picture.

It is what candidates are ranked by where there is no scorer for their pictures; every table of a trained scorer has it as a row.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hmr.body import BodyModel, smpl_keypoints
from hmr.hypotheses import Hypotheses
from hmr.views import Views, check_same_pictures
from scorer.scores import Scores


def medoid_displacement_mm(keypoints: Tensor) -> Tensor:
    """Candidates' keypoints (b, n, k, 3) in metres, to how far each is from that of the others on average (b, n, k), laid on each
    other at the first (the pelvis)."""
    rooted = keypoints - keypoints[..., :1, :]
    apart = (rooted[:, :, None] - rooted[:, None]).norm(dim=-1)
    return 1000 * apart.sum(2) / max(keypoints.shape[1] - 1, 1)


@dataclass(frozen=True)
class MedoidScorer:
    """An ``AnyScorer``. Its expected errors are not known: NaN.

    Attributes:
        crop_size, crop_enlarge: of the crops that it is given; it does not look at them.
    """

    crop_size: int
    crop_enlarge: float

    @property
    def says_errors(self) -> bool:
        return False

    def score(self, views: Views, hypotheses: Hypotheses, model: BodyModel, batch_size: int = 64) -> Scores:
        del batch_size
        check_same_pictures(views, hypotheses.key)
        return self._scores(views, medoid_displacement_mm(smpl_keypoints(model, hypotheses.params)))

    def score_uvd(self, views: Views, uvd: Tensor, known: Tensor, batch_size: int = 64) -> Scores:
        """Of keypoints alone: where they are in metres is not known, so one across the crop is taken for two metres."""
        del batch_size
        return self._scores(views, medoid_displacement_mm(uvd * known[..., None]))

    def _scores(self, views: Views, off: Tensor) -> Scores:
        unknown = torch.full(off.shape[:2], torch.nan)
        return Scores(views.key, -off.mean(-1), off, unknown, (unknown, unknown), unknown)

    def to(self, device: str | torch.device) -> MedoidScorer:
        del device
        return self
