"""Ways in which a body can be wrong: used to train scorers, and to make labels that are worth cleaning."""

from __future__ import annotations

from dataclasses import replace

import torch
from roma import rotmat_to_rotvec, rotvec_to_rotmat
from torch import Tensor

from hmr.body import BodyParams
from hmr.skeleton import JOINT_NAMES, MIRRORED_KEYPOINT, NUM_TWISTS

_SLOT = {name: i - 1 for i, name in enumerate(JOINT_NAMES)}
_MIRRORED_SLOT = [MIRRORED_KEYPOINT[joint] - 1 for joint in range(1, NUM_TWISTS + 1)]
LIMBS = (
    ("left_shoulder", "left_elbow"),
    ("right_shoulder", "right_elbow"),
    ("left_hip", "left_knee"),
    ("right_hip", "right_knee"),
)


def _normal(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.randn(shape, generator=generator)


def gaussian(params: BodyParams, sigma: Tensor, generator: torch.Generator) -> BodyParams:
    """Axis-angle noise on every joint (ADHMR section 4.2). sigma: (...) radians per component; the root gets 0.4 of it and
    the betas as much as the joints, as in the released code."""
    batch = tuple(params.batch_shape)
    joints = sigma[..., None, None] * _normal((*batch, NUM_TWISTS, 3), generator)
    root = 0.4 * sigma[..., None] * _normal((*batch, 3), generator)
    return replace(
        params,
        R_cam_root=params.R_cam_root @ rotvec_to_rotmat(root),
        R_parent_joint=params.R_parent_joint @ rotvec_to_rotmat(joints),
        shape=params.shape + sigma[..., None] * _normal(tuple(params.shape.shape), generator),
    )


def mirrored(params: BodyParams) -> BodyParams:
    """Left and right swapped: the pose reflected in the body's own middle plane, root and place kept."""
    reflect = torch.tensor([1.0, -1.0, -1.0])
    rotvec = rotmat_to_rotvec(params.R_parent_joint)[..., _MIRRORED_SLOT, :] * reflect
    return replace(params, R_parent_joint=rotvec_to_rotmat(rotvec))


def wrong_limb(params: BodyParams, generator: torch.Generator, low: float = 0.9, high: float = 1.6) -> BodyParams:
    """One arm or leg of each body turned at its root and its hinge by ``low`` to ``high`` radians about random axes."""
    batch = tuple(params.batch_shape)
    chosen = torch.randint(len(LIMBS), batch, generator=generator)
    axes = torch.nn.functional.normalize(_normal((*batch, 2, 3), generator), dim=-1)
    angle = low + (high - low) * torch.rand((*batch, 2, 1), generator=generator)
    turns = rotvec_to_rotmat(axes * angle)
    R = params.R_parent_joint.clone()
    for limb, names in enumerate(LIMBS):
        hit = (chosen == limb)[..., None, None]
        for k, name in enumerate(names):
            slot = _SLOT[name]
            R[..., slot, :, :] = torch.where(hit, R[..., slot, :, :] @ turns[..., k, :, :], R[..., slot, :, :])
    return replace(params, R_parent_joint=R)


def wrong_scale(params: BodyParams, generator: torch.Generator) -> BodyParams:
    """Each body 1.35 to 1.7 times too far away, or too near: too small or too large in the picture."""
    batch = tuple(params.batch_shape)
    factor = 1.35 + 0.35 * torch.rand(batch, generator=generator)
    factor = torch.where(torch.rand(batch, generator=generator) < 0.5, factor, 1 / factor)
    return replace(params, t_cam_root=params.t_cam_root * factor[..., None])


def shifted(params: BodyParams, generator: torch.Generator, low: float = 0.3, high: float = 0.6) -> BodyParams:
    """Each body moved sideways or up by ``low`` to ``high`` metres, as under a shifted box."""
    batch = tuple(params.batch_shape)
    angle = 2 * torch.pi * torch.rand(batch, generator=generator)
    length = low + (high - low) * torch.rand(batch, generator=generator)
    offset = length[..., None] * torch.stack([angle.cos(), angle.sin(), torch.zeros_like(angle)], -1)
    return replace(params, t_cam_root=params.t_cam_root + offset)


def choose(index: Tensor, options: list[BodyParams]) -> BodyParams:
    """For each body the option that ``index`` (...) names."""
    stacked = BodyParams.stack(options)

    def take(x: Tensor) -> Tensor:
        return x.gather(0, index.reshape(1, *index.shape, *[1] * (x.ndim - 1 - index.ndim)).expand(1, *x.shape[1:]))[0]

    return stacked.map(take)
