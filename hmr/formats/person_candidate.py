"""One body that somebody's model gives for one person of one photograph, as far as a scorer needs to know it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hmr.camera import project
from hmr.skeleton import NUM_KEYPOINTS

BY_PARAMETERS, BY_STAND_IN, BY_KEYPOINTS = "parameters", "parameters on the free body", "keypoints of the file"


@dataclass(frozen=True)
class PersonCandidate:
    """image: file name of the photograph. model: who made it. where: file and row, for people who look for it.

    points_cam: (29, 3) our keypoints in the photograph's camera frame, metres. known: (29,) which of them the model gives.
    K: (3, 3) of the photograph, pixels, the model's own camera. by: what the points were made of, BY_PARAMETERS, ...
    stored_turned: a quarter turn clockwise makes of the file's picture the one that this camera saw.
    """

    image: str
    model: str
    where: str
    points_cam: Tensor
    known: Tensor
    K: Tensor
    by: str = BY_PARAMETERS
    stored_turned: bool = False

    def __post_init__(self) -> None:
        if self.points_cam.shape != (NUM_KEYPOINTS, 3) or self.known.shape != (NUM_KEYPOINTS,):
            raise ValueError(f"expected {NUM_KEYPOINTS} keypoints, got {tuple(self.points_cam.shape)}")
        seen = self.points_cam[self.known]
        if not len(seen):
            raise ValueError(f"none of the {NUM_KEYPOINTS} keypoints is given")
        if not bool(seen.isfinite().all()):
            raise ValueError("keypoints are not finite")
        if bool((seen[:, 2] <= 0).any()):
            raise ValueError("the body is behind the camera, or its camera translation is missing")

    def box_xyxy(self) -> Tensor:
        """(4,) pixels: around the known keypoints."""
        pixels = project(self.points_cam[self.known], self.K)
        return torch.cat([pixels.amin(0), pixels.amax(0)])


#: What goes wrong with one row of a file, and does not concern the others.
ROW_ERRORS = (ValueError, KeyError, IndexError, TypeError, OSError)


def reason_of(error: Exception) -> str:
    """For people."""
    if isinstance(error, KeyError):
        return f"lacks {error}"
    return str(error) if isinstance(error, ValueError | OSError) else f"{type(error).__name__}: {error}"


@dataclass(frozen=True)
class Unreadable:
    """A candidate that could not be read, and why."""

    where: str
    reason: str
