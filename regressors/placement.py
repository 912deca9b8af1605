"""Lay a body on the joints that the network saw: rotations, shape and depth are the heads', the place is the heat maps'."""

from __future__ import annotations

import torch
from torch import Tensor

#: A joint whose mean place is nearer to the border than this share of the crop may lie outside, where heat maps hardly point.
BORDER = 0.03
#: Of weight; so little evidence moves a body by half.
_DOUBT = 1e-3


def heatmap_weight(joints_uv: Tensor, heatmaps: Tensor) -> Tensor:
    """(b, j) how far to rely on mean places (b, j, 2) in [-1, 1] of heat maps' logits (b, j, h, w): the peak's probability, and
    nothing at the border."""
    inside = (joints_uv.abs() < 1 - 2 * BORDER).all(-1)
    return heatmaps.float().flatten(2).softmax(-1).amax(-1) * inside


def shift_onto_joints(points_cam: Tensor, joints_uv: Tensor, weight: Tensor, K: Tensor, size: int) -> Tensor:
    """Translations (b, 3), metres, without depth: the weighted mean of what each joint (b, j, 3) lacks, at its own depth, to the
    ray through its place (b, j, 2), u and v in [-1, 1] of a crop of ``size`` px with camera K (b, 3, 3).

    Zero where no weight is."""
    pixels = (joints_uv.float() + 1) * (size / 2)
    ray_xy = (pixels - K[:, None, :2, 2]) / torch.stack([K[:, 0, 0], K[:, 1, 1]], -1)[:, None]
    lacking = ray_xy * points_cam[..., 2:] - points_cam[..., :2]
    xy = (weight[..., None] * lacking).sum(1) / (weight.sum(1, keepdim=True) + _DOUBT)
    return torch.cat([xy, torch.zeros_like(xy[:, :1])], -1)
