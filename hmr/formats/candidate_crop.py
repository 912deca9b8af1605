"""A body of a photograph, as seen in a crop of it that keeps the body's own camera."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from hmr.formats.person_candidate import PersonCandidate
from hmr.photographs.people import Person, crops
from hmr.pose_state import uvd_from_points
from hmr.views import Views


def view_of(candidate: PersonCandidate, photograph: np.ndarray, box_xyxy: Tensor, key: str, size: int) -> Views:
    """One crop around a box (4,) of the photograph, under the camera that the candidate was made for.

    Raises ValueError for a box that is not in the picture, has no area, or is far larger than the picture.
    """
    x0, y0, x1, y1 = box_xyxy.tolist()
    return crops(photograph, [Person(key, (x0, y0, x1, y1))], size, candidate.K)


def uvd_in_view(candidate: PersonCandidate, view: Views) -> Tensor:
    """(29, 3) in the one crop of ``view``; what is not known is put in the middle of what is."""
    points = torch.where(candidate.known[:, None], candidate.points_cam, candidate.points_cam[candidate.known].mean(0))
    return uvd_from_points(points, view.K[0], view.size).clamp(-4, 4)
