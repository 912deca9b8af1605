"""Bodies: parameters in the camera frame, and linear blend skinning of any body in SMPL's layout.

Camera frame: x right, y down, z forward (OpenCV), metres. A body's own frame: x to its left, y up, z to its front (SMPL).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Protocol

import torch
from torch import Tensor

from hmr.skeleton import JOINT_PARENTS, NUM_JOINTS, depth_levels

#: A body's frame (y up, z to its front) to that of a camera that it faces (y down, z away).
FACING_CAMERA = torch.diag(torch.tensor([1.0, -1.0, -1.0]))


@dataclass(frozen=True)
class BodyParams:
    """A batch of bodies, rotations as matrices. ``...`` is any batch shape, the same in all fields.

    R_cam_root: (..., 3, 3) body frame to camera frame.
    R_parent_joint: (..., 23, 3, 3) joints 1..23, each in its parent's frame.
    shape: (..., 10) betas.
    t_cam_root: (..., 3) where the pelvis *joint* is in the camera frame, metres (SMPL's ``transl`` is this minus the
        pelvis of the rest pose).
    """

    R_cam_root: Tensor
    R_parent_joint: Tensor
    shape: Tensor
    t_cam_root: Tensor

    def __post_init__(self) -> None:
        batch = self.R_cam_root.shape[:-2]
        expected = {
            "R_cam_root": (*batch, 3, 3),
            "R_parent_joint": (*batch, NUM_JOINTS - 1, 3, 3),
            "shape": (*batch, self.shape.shape[-1]),
            "t_cam_root": (*batch, 3),
        }
        for name, want in expected.items():
            got = tuple(getattr(self, name).shape)
            if got != want:
                raise ValueError(f"BodyParams.{name}: expected shape {want}, got {got}")

    @property
    def batch_shape(self) -> torch.Size:
        return self.R_cam_root.shape[:-2]

    def __getitem__(self, index) -> BodyParams:
        return BodyParams(*(getattr(self, f.name)[index] for f in fields(self)))

    def map(self, function) -> BodyParams:
        """Apply one function to every field (moving device, detaching, reshaping the batch axes)."""
        return BodyParams(*(function(getattr(self, f.name)) for f in fields(self)))

    def reshape_batch(self, *batch: int) -> BodyParams:
        n = len(self.batch_shape)
        return self.map(lambda x: x.reshape(*batch, *x.shape[n:]))

    @staticmethod
    def cat(parts: list[BodyParams], dim: int = 0) -> BodyParams:
        return BodyParams(*(torch.cat([getattr(p, f.name) for p in parts], dim) for f in fields(BodyParams)))

    @staticmethod
    def stack(parts: list[BodyParams], dim: int = 0) -> BodyParams:
        return BodyParams(*(torch.stack([getattr(p, f.name) for p in parts], dim) for f in fields(BodyParams)))


@dataclass(frozen=True)
class Body:
    """A posed body in the camera frame, metres: vertices (..., v, 3) and the 29 keypoints (..., 29, 3).

    The first 24 keypoints are the body joints.
    """

    vertices: Tensor
    keypoints: Tensor

    @property
    def joints(self) -> Tensor:
        return self.keypoints[..., :NUM_JOINTS, :]


class BodyModel(Protocol):
    """What the rest of the house asks of a body model: the free body, SMPL, SMPL-H or SMPL-X."""

    @property
    def name(self) -> str: ...

    @property
    def faces(self) -> Tensor:
        """(f, 3) vertex indices."""
        ...

    def rest_keypoints(self, shape: Tensor) -> Tensor:
        """(..., 10) betas to the 29 keypoints of the rest pose, (..., 29, 3), body frame, metres."""
        ...

    def posed(self, params: BodyParams) -> Body:
        """Vertices and keypoints in the camera frame."""
        ...

    def keypoints(self, params: BodyParams) -> Tensor:
        """Keypoints alone, (..., 29, 3), camera frame: much cheaper than ``posed``."""
        ...


def global_rotations(
    R_cam_root: Tensor, R_parent_joint: Tensor, joint_parents: tuple[int, ...] = JOINT_PARENTS
) -> Tensor:
    """Chain local rotations down a tree of j joints: (..., 3, 3) and (..., j - 1, 3, 3) to (..., j, 3, 3), joint to camera."""
    R_local = torch.cat([R_cam_root[..., None, :, :], R_parent_joint], dim=-3)
    R_cam_joint: list[Tensor] = [R_local[..., 0, :, :]] * len(joint_parents)
    for level in depth_levels(joint_parents)[1:]:
        parents = torch.stack([R_cam_joint[joint_parents[j]] for j in level], dim=-3)
        world = parents @ R_local[..., list(level), :, :]
        for slot, joint in enumerate(level):
            R_cam_joint[joint] = world[..., slot, :, :]
    return torch.stack(R_cam_joint, dim=-3)


def chain_positions(R_cam_joint: Tensor, rest: Tensor, parents: tuple[int, ...]) -> Tensor:
    """Positions of points down the tree relative to the first (the pelvis).

    R_cam_joint: (..., j, 3, 3). rest: (..., k, 3) points of the rest pose, joints first, k >= j. Returns (..., k, 3).
    """
    offsets = rest[..., 1:, :] - rest[..., list(parents[1:]), :]
    turned = (R_cam_joint[..., list(parents[1:]), :, :] @ offsets[..., None])[..., 0]
    positions: list[Tensor] = [torch.zeros_like(turned[..., 0, :])]
    for point in range(1, len(parents)):
        positions.append(positions[parents[point]] + turned[..., point - 1, :])
    return torch.stack(positions, dim=-2)


def linear_blend_skinning(
    R_cam_joint: Tensor, joints_posed: Tensor, joints_rest: Tensor, vertices_rest: Tensor, weights: Tensor
) -> Tensor:
    """Loper et al. 2015, eq. 2-4, without pose correctives.

    R_cam_joint: (..., j, 3, 3). joints_posed, joints_rest: (..., j, 3). vertices_rest: (..., v, 3).
    weights: (v, j), rows sum to one. Returns (..., v, 3) in the frame of ``joints_posed``, metres.
    """
    translation = joints_posed - (R_cam_joint @ joints_rest[..., None])[..., 0]
    transforms = torch.cat([R_cam_joint, translation[..., None]], dim=-1)
    blended = (weights @ transforms.flatten(-2)).unflatten(-1, (3, 4))
    return (blended[..., :3] @ vertices_rest[..., None])[..., 0] + blended[..., 3]
