"""Bodies of any skeleton: parameters in the camera frame, posed bodies, and what is asked of a body model.

Camera frame: x right, y down, z forward (OpenCV), metres. A body's own frame: x to its left, y up, z to its front (SMPL).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from hmr.skeleton import JOINT_PARENTS, SMPL, Skeleton, depth_levels, skeleton_of_joints
from hmr.skeleton_smplx import SMPLX, SMPLX_JOINT_OF_SMPL

#: A body's frame (y up, z to its front) to that of a camera that it faces (y down, z away).
FACING_CAMERA = torch.diag(torch.tensor([1.0, -1.0, -1.0]))


@dataclass(frozen=True)
class BodyParams:
    """A batch of bodies, rotations as matrices. ``...`` is any batch shape, the same in all fields.

    Attributes:
        R_cam_root: (..., 3, 3) body frame to camera frame.
        R_parent_joint: (..., j - 1, 3, 3) the joints but the root, each in its parent's frame: 23 of SMPL, 54 of SMPL-X.
        shape: (..., 10) betas.
        t_cam_root: (..., 3) where the pelvis *joint* is in the camera frame, metres (SMPL's ``transl`` is this minus the
            pelvis of the rest pose).
        expression: (..., e) of the face; None where the model has none, or it is at rest.
    """

    R_cam_root: Tensor
    R_parent_joint: Tensor
    shape: Tensor
    t_cam_root: Tensor
    expression: Tensor | None = None

    def __post_init__(self) -> None:
        batch = self.R_cam_root.shape[:-2]
        expected = {
            "R_cam_root": (*batch, 3, 3),
            "R_parent_joint": (*batch, *self.R_parent_joint.shape[-3:-2], 3, 3),
            "shape": (*batch, self.shape.shape[-1]),
            "t_cam_root": (*batch, 3),
        }
        if self.expression is not None:
            expected["expression"] = (*batch, self.expression.shape[-1])
        for name, want in expected.items():
            got = tuple(getattr(self, name).shape)
            if got != want:
                raise ValueError(f"BodyParams.{name}: expected shape {want}, got {got}")

    @property
    def batch_shape(self) -> torch.Size:
        return self.R_cam_root.shape[:-2]

    @property
    def skeleton(self) -> Skeleton:
        """By the number of joints. Raises ValueError for a number that no skeleton has."""
        return skeleton_of_joints(self.R_parent_joint.shape[-3] + 1)

    def __getitem__(self, index) -> BodyParams:
        return self.map(lambda x: x[index])

    def map(self, function: Callable[[Tensor], Tensor]) -> BodyParams:
        """Apply one function to every field (moving device, detaching, reshaping the batch axes)."""
        expression = None if self.expression is None else function(self.expression)
        return BodyParams(
            function(self.R_cam_root),
            function(self.R_parent_joint),
            function(self.shape),
            function(self.t_cam_root),
            expression,
        )

    def reshape_batch(self, *batch: int) -> BodyParams:
        n = len(self.batch_shape)
        return self.map(lambda x: x.reshape(*batch, *x.shape[n:]))

    def where_missing_at_rest(self) -> BodyParams:
        """NaN (what a label lacks) replaced by a body at rest, 3 m away: what is masked out must be a number still."""

        def filled(x: Tensor, value: Tensor) -> Tensor:
            return torch.where(x.isnan(), value.to(x), x)

        identity, zero = torch.eye(3), torch.zeros(())
        return BodyParams(
            filled(self.R_cam_root, identity),
            filled(self.R_parent_joint, identity),
            filled(self.shape, zero),
            filled(self.t_cam_root, torch.tensor([0.0, 0.0, 3.0])),
            None if self.expression is None else filled(self.expression, zero),
        )

    @staticmethod
    def cat(parts: list[BodyParams], dim: int = 0) -> BodyParams:
        return _joined(parts, lambda tensors: torch.cat(tensors, dim))

    @staticmethod
    def stack(parts: list[BodyParams], dim: int = 0) -> BodyParams:
        return _joined(parts, lambda tensors: torch.stack(tensors, dim))


def _joined(parts: list[BodyParams], join: Callable[[list[Tensor]], Tensor]) -> BodyParams:
    """Raises ValueError when some parts have an expression and some have none."""
    expressions = [part.expression for part in parts if part.expression is not None]
    if 0 < len(expressions) < len(parts):
        raise ValueError("some bodies have an expression and some have none; they cannot be joined")
    return BodyParams(
        join([part.R_cam_root for part in parts]),
        join([part.R_parent_joint for part in parts]),
        join([part.shape for part in parts]),
        join([part.t_cam_root for part in parts]),
        join(expressions) if expressions else None,
    )


def smpl_of(params: BodyParams) -> BodyParams:
    """What of bodies SMPL's 24 joints can say: SMPL's hand joint turns as the root of the middle finger does."""
    if params.skeleton is SMPL:
        return params
    joints = [joint - 1 for joint in SMPLX_JOINT_OF_SMPL[1:]]
    return BodyParams(params.R_cam_root, params.R_parent_joint[..., joints, :, :], params.shape, params.t_cam_root)


def smplx_of(params: BodyParams) -> BodyParams:
    """Bodies of SMPL with stiff hands (every finger turns at its root as SMPL's hand joint does) and a face at rest."""
    if params.skeleton is SMPLX:
        return params
    batch = params.batch_shape
    R = torch.eye(3).to(params.shape).expand(*batch, SMPLX.num_joints - 1, 3, 3).clone()
    R[..., :21, :, :] = params.R_parent_joint[..., :21, :, :]
    for slot, part in ((21, "left_hand"), (22, "right_hand")):
        roots = [joint - 1 for joint in SMPLX.part_joints[part][::3]]
        R[..., roots, :, :] = params.R_parent_joint[..., slot : slot + 1, :, :]
    return BodyParams(params.R_cam_root, R, params.shape, params.t_cam_root, params.shape.new_zeros(*batch, 10))


@dataclass(frozen=True)
class Body:
    """A posed body in the camera frame, metres.

    Attributes:
        vertices: (..., v, 3).
        keypoints: (..., k, 3) of the skeleton, its joints first.
        num_joints: how many of the keypoints are joints.
    """

    vertices: Tensor
    keypoints: Tensor
    num_joints: int = SMPL.num_joints

    @property
    def joints(self) -> Tensor:
        return self.keypoints[..., : self.num_joints, :]


class BodyModel(Protocol):
    """What the rest of the house asks of a body model: a free body, SMPL, SMPL-H or SMPL-X."""

    @property
    def name(self) -> str: ...

    @property
    def family(self) -> str:
        """Bodies of one family have the same joints and the same shape space, whatever their level of detail."""
        ...

    @property
    def skeleton(self) -> Skeleton: ...

    @property
    def faces(self) -> Tensor:
        """(f, 3) vertex indices."""
        ...

    @property
    def smpl(self) -> BodyModel:
        """The same surface moved by SMPL's 24 joints; itself where it is."""
        ...

    def rest_keypoints(self, shape: Tensor, expression: Tensor | None = None) -> Tensor:
        """(..., 10) betas to the keypoints of the rest pose, (..., k, 3), body frame, metres."""
        ...

    def posed(self, params: BodyParams) -> Body:
        """Vertices and keypoints in the camera frame. Raises ValueError for bodies of another skeleton."""
        ...

    def keypoints(self, params: BodyParams) -> Tensor:
        """Keypoints alone, (..., k, 3), camera frame: much cheaper than ``posed``."""
        ...


_WITH_HANDS = "-with-hands"


def has_betas_of(model: BodyModel, family: str) -> bool:
    """Whether betas of this family mean the same to ``model``; those of a body with hands are the body's. "" is of no one's in
    particular."""
    return family == "" or family.removesuffix(_WITH_HANDS) == model.family.removesuffix(_WITH_HANDS)


def check_body(what: str, trained_on: str, model: BodyModel) -> None:
    """Raises ValueError when a network is of another body than ``model``; "" is of no one's in particular."""
    if trained_on not in ("", model.family):
        raise ValueError(
            f"this {what} is of the body '{trained_on}', the body model is '{model.family}'; {give_body(trained_on)}"
        )


def give_body(family: str) -> str:
    """What to do for a body of this family."""
    return "leave --body_model out" if family.startswith("free-body") else "give --body_model of that body"


def smpl_keypoints(model: BodyModel, params: BodyParams) -> Tensor:
    """SMPL's 29 keypoints (..., 29, 3) of bodies of any skeleton, camera frame, metres."""
    return model.smpl.keypoints(smpl_of(params))


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
