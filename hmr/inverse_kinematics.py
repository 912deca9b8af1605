"""Hybrid inverse kinematics: swing from keypoint positions, twist by angle (Li et al. 2021, HybrIK, section 3.2).

A joint's rotation is R = R_swing R_twist: R_twist turns about the rest bone, R_swing is the smallest rotation that takes
the rest bone to the posed one. Both are in the parent's frame.
"""

from __future__ import annotations

import roma
import torch
from torch import Tensor

from hmr.rotations import nearest_rotation
from hmr.skeleton import BONE_CHILD, JOINT_PARENTS, NUM_JOINTS, PELVIS_CHILDREN, depth_levels

_CHILDREN = list(BONE_CHILD[1:])
_JOINTS = list(range(1, NUM_JOINTS))


def swing_between(a: Tensor, b: Tensor, eps: float = 1e-8) -> Tensor:
    """The smallest rotation matrix (..., 3, 3) that takes direction a to direction b, both (..., 3).

    Undefined where they are opposite; there a half turn about an arbitrary normal axis is returned.
    """
    a = torch.nn.functional.normalize(a, dim=-1, eps=eps)
    b = torch.nn.functional.normalize(b, dim=-1, eps=eps)
    cross = torch.linalg.cross(a, b)
    cosine = (a * b).sum(-1)
    eye = torch.eye(3, dtype=a.dtype, device=a.device).expand(*a.shape[:-1], 3, 3)
    skew = _skew(cross)
    general = eye + skew + skew @ skew / (1 + cosine).clamp_min(1e-7)[..., None, None]
    helper = torch.where(
        (a[..., :1].abs() < 0.9), torch.tensor([1.0, 0, 0]).to(a), torch.tensor([0, 1.0, 0]).to(a)
    ).expand_as(a)
    normal = torch.nn.functional.normalize(torch.linalg.cross(a, helper), dim=-1)
    opposite = (cosine < -1 + 1e-6)[..., None, None]
    return torch.where(opposite, roma.rotvec_to_rotmat(normal * torch.pi), general)


def _skew(v: Tensor) -> Tensor:
    zero = torch.zeros_like(v[..., 0])
    x, y, z = v.unbind(-1)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).unflatten(-1, (3, 3))


def rest_bones(rest_keypoints: Tensor) -> Tensor:
    """(..., 29, 3) keypoints of the rest pose to the (..., 23, 3) bones of joints 1..23 (not normalised)."""
    return rest_keypoints[..., _CHILDREN, :] - rest_keypoints[..., _JOINTS, :]


def twists_from_rotations(R_parent_joint: Tensor, rest_keypoints: Tensor) -> Tensor:
    """(..., 23, 3, 3) and (..., 29, 3) to the twists (..., 23, 2) as (cos, sin)."""
    axis = torch.nn.functional.normalize(rest_bones(rest_keypoints), dim=-1)
    posed = (R_parent_joint @ axis[..., None])[..., 0]
    R_twist = swing_between(axis, posed).transpose(-1, -2) @ R_parent_joint
    normal = torch.nn.functional.normalize(torch.linalg.cross(axis, _not_parallel(axis)), dim=-1)
    turned = (R_twist @ normal[..., None])[..., 0]
    cosine = (normal * turned).sum(-1)
    sine = (axis * torch.linalg.cross(normal, turned)).sum(-1)
    return torch.stack([cosine, sine], dim=-1)


def _not_parallel(axis: Tensor) -> Tensor:
    """For each direction the coordinate axis that it has least of."""
    return torch.nn.functional.one_hot(axis.abs().argmin(-1), 3).to(axis)


def fitted_pelvis(keypoints_cam: Tensor, rest_keypoints: Tensor) -> Tensor:
    """R_cam_root (..., 3, 3) that fits the pelvis' three children best (orthogonal Procrustes); (..., 29, 3) both."""
    children = list(PELVIS_CHILDREN)
    rest = rest_keypoints[..., children, :] - rest_keypoints[..., :1, :]
    posed = keypoints_cam[..., children, :] - keypoints_cam[..., :1, :]
    return nearest_rotation(posed.transpose(-1, -2) @ rest)


def pelvis_of_spine(keypoints_cam: Tensor, rest_keypoints: Tensor) -> Tensor:
    """R_cam_root (..., 3, 3) as the released ADHMR and HybrIK code has it: the spine's direction is met exactly, and about it
    the pelvis is turned until the middle of the hips lies on the right side. On exact keypoints it equals ``fitted_pelvis``."""
    left, right, spine = PELVIS_CHILDREN
    rest, posed = (points - points[..., :1, :] for points in (rest_keypoints, keypoints_cam))
    up = torch.nn.functional.normalize(posed[..., spine, :], dim=-1)
    R_swing = swing_between(rest[..., spine, :], posed[..., spine, :])
    hips_rest = (R_swing @ (rest[..., left, :] + rest[..., right, :])[..., None])[..., 0]
    hips_posed = posed[..., left, :] + posed[..., right, :]
    across_rest, across_posed = (h - (h * up).sum(-1, keepdim=True) * up for h in (hips_rest, hips_posed))
    sine = (up * torch.linalg.cross(across_rest, across_posed)).sum(-1)
    angle = torch.atan2(sine, (across_rest * across_posed).sum(-1))
    return roma.rotvec_to_rotmat(up * angle[..., None]) @ R_swing


def rotations_from_keypoints(keypoints_cam: Tensor, twists: Tensor, rest_keypoints: Tensor) -> tuple[Tensor, Tensor]:
    """Keypoints (..., 29, 3), twists (..., 23, 2) and rest keypoints (..., 29, 3) to R_cam_root (..., 3, 3) and
    R_parent_joint (..., 23, 3, 3).

    The pelvis is fitted to its three children; every other joint's swing is the direction to its child. Exact for keypoints of
    a body with those bone lengths; for others the bones' directions are kept. The twists need not be normalised.
    """
    R_cam_root = fitted_pelvis(keypoints_cam, rest_keypoints)
    return R_cam_root, rotations_below(R_cam_root, keypoints_cam, twists, rest_keypoints)


def rotations_below(R_cam_root: Tensor, keypoints_cam: Tensor, twists: Tensor, rest_keypoints: Tensor) -> Tensor:
    """R_parent_joint (..., 23, 3, 3) for a pelvis that is known; the others as ``rotations_from_keypoints``."""
    bones = rest_bones(rest_keypoints)
    posed = keypoints_cam[..., _CHILDREN, :] - keypoints_cam[..., _JOINTS, :]
    axis = torch.nn.functional.normalize(bones, dim=-1)
    angle = torch.atan2(twists[..., 1], twists[..., 0])
    R_twist = roma.rotvec_to_rotmat(axis * angle[..., None])
    world: list[Tensor] = [R_cam_root] * NUM_JOINTS
    local: list[Tensor] = [R_cam_root] * NUM_JOINTS
    for level in depth_levels(JOINT_PARENTS)[1:]:
        slots = [joint - 1 for joint in level]
        R_cam_parent = torch.stack([world[JOINT_PARENTS[j]] for j in level], dim=-3)
        direction = (R_cam_parent.transpose(-1, -2) @ posed[..., slots, :, None])[..., 0]
        R_local = swing_between(axis[..., slots, :], direction) @ R_twist[..., slots, :, :]
        R_world = R_cam_parent @ R_local
        for k, joint in enumerate(level):
            world[joint], local[joint] = R_world[..., k, :, :], R_local[..., k, :, :]
    return torch.stack(local[1:], dim=-3)
