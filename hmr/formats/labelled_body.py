"""A label's parameters beside the 2D keypoints that somebody saw: what can be repaired."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hmr.body import BodyModel, BodyParams
from hmr.camera import project
from hmr.formats.person_candidate import PersonCandidate
from hmr.skeleton import NUM_KEYPOINTS


@dataclass(frozen=True)
class LabelledBody:
    """image: file name of the photograph. where: file and row, for people who look for it.

    params: one body (no batch axis) in the photograph's camera frame. keypoints_2d: (29, 3) pixels of the photograph, and 1 where
    they are given, else 0. K: (3, 3) of the photograph, pixels.
    """

    image: str
    where: str
    params: BodyParams
    keypoints_2d: Tensor
    K: Tensor

    def box_xyxy(self, model: BodyModel) -> Tensor:
        """(4,) pixels: around the body and the keypoints, so that both can be judged in it.

        Raises ValueError for fewer than three keypoints, or a body that no camera sees.
        """
        seen = self.keypoints_2d[self.keypoints_2d[:, 2] > 0, :2]
        if len(seen) < 3:
            raise ValueError(f"only {len(seen)} of its 2D keypoints are given; three are needed to repair by")
        if not bool(seen.isfinite().all()):
            raise ValueError("its 2D keypoints are not finite")
        known = torch.ones(NUM_KEYPOINTS, dtype=torch.bool)
        body = PersonCandidate(self.image, "label", self.where, model.keypoints(self.params), known, self.K)
        pixels = torch.cat([project(body.points_cam, self.K), seen])
        return torch.cat([pixels.amin(0), pixels.amax(0)])
