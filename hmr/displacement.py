"""How far each keypoint of a body is off in its picture, without any alignment.

Errors aligned at the pelvis are averages: they hide one wrong limb, a wrong scale, a wrong place. This does not.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from hmr.body import BodyModel, BodyParams, smpl_keypoints
from hmr.pose_state import crop_extent, uvd_from_points
from hmr.samples import Samples

GROSS_MM = 200.0
"""A candidate is grossly wrong when some keypoint is further off than this in its picture."""


def uvd_of(params: BodyParams, K: Tensor, size: int, model: BodyModel) -> Tensor:
    """[b, n] bodies and (b, 3, 3) cameras to UVD (b, n, 29, 3), kept within sane bounds."""
    points = smpl_keypoints(model, params)
    in_front = points[..., 2:].clamp_min(0.1)
    uvd = uvd_from_points(torch.cat([points[..., :2], in_front], -1), K[:, None], size)
    return uvd.clamp(-4, 4)


def displacement_mm(uvd: Tensor, true_uvd: Tensor, true_extent: Tensor) -> Tensor:
    """How far each keypoint is off in the crop's own space (across, and in relative depth).

    uvd (b, n, 29, 3), true_uvd (b, 29, 3), true_extent (b,) metres across the crop. Returns (b, n, 29).
    """
    half = 0.5 * true_extent[:, None, None]
    metres = (uvd - true_uvd[:, None]) * torch.stack([half, half, torch.ones_like(half)], -1)
    return 1000 * metres.norm(dim=-1)


def worst_displacement_mm(samples: Samples, truth: BodyParams, model: BodyModel) -> np.ndarray:
    """(n,) how far the worst keypoint of each label is off in its crop."""
    uvd, true_uvd = (
        uvd_of(params.reshape_batch(len(samples), 1), samples.K, samples.size, model)
        for params in (samples.label, truth)
    )
    extent = crop_extent(truth.t_cam_root, samples.K, samples.size)
    return displacement_mm(uvd, true_uvd[:, 0], extent).amax(-1)[:, 0].numpy()
