"""A body of a photograph, as seen in a crop of it."""

from __future__ import annotations

import torch
from torch import Tensor

from hmr.formats.person_candidate import PersonCandidate
from hmr.pose_state import uvd_from_points


def uvd_in_crop(candidate: PersonCandidate, A_crop_photograph: Tensor, size: int) -> Tensor:
    """(29, 3), through the candidate's own camera; what is not known is put in the middle of what is."""
    points = torch.where(candidate.known[:, None], candidate.points_cam, candidate.points_cam[candidate.known].mean(0))
    return uvd_from_points(points, A_crop_photograph @ candidate.K, size).clamp(-4, 4)


def is_in_picture(box: Tensor, width: int, height: int) -> bool:
    """Is some of the box x0 y0 x1 y1 inside the picture, and does it have an area?"""
    x0, y0, x1, y1 = box.tolist()
    return x0 < width and y0 < height and x1 > 0 and y1 > 0 and x1 - x0 >= 2 and y1 - y0 >= 2
