"""How far bodies are from marks in their pictures, by detectors or by humans."""

from __future__ import annotations

import torch
from torch import Tensor

from hmr.camera import project


def mark_distance(points_cam: Tensor, K: Tensor, marks_px: Tensor, side_px: Tensor) -> Tensor:
    """Points (n, 24, 3) in the frames of cameras K (n, 3, 3), and their marks (n, 24, 3) x, y, confidence: how far (n, 24) they
    are, in sides (n,) of the marks' box; NaN where there is no mark."""
    distance = (project(points_cam, K) - marks_px[..., :2]).norm(dim=-1) / side_px[:, None]
    return torch.where(marks_px[..., 2] > 0, distance, torch.nan)
