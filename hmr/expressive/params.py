"""Parameters of a body with hands and face, rotations as matrices."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from hmr.body import BodyParams
from hmr.expressive.skeleton import EXPRESSIVE_JOINT_NAMES, NUM_EXPRESSIVE_JOINTS, PART_JOINTS

_MIDDLE_ROOT = tuple(EXPRESSIVE_JOINT_NAMES.index(f"{side}_middle1") for side in ("left", "right"))


@dataclass(frozen=True)
class ExpressiveParams:
    """A batch of bodies; ``...`` is any batch shape, the same in all fields.

    R_cam_root: (..., 3, 3) body frame to camera frame. R_parent_joint: (..., 54, 3, 3) joints 1..54 of SMPL-X, each in its
    parent's frame. shape: (..., 10) betas. expression: (..., 10). t_cam_root: (..., 3) the pelvis joint, metres.
    """

    R_cam_root: Tensor
    R_parent_joint: Tensor
    shape: Tensor
    expression: Tensor
    t_cam_root: Tensor

    def __post_init__(self) -> None:
        batch = self.R_cam_root.shape[:-2]
        expected = {
            "R_cam_root": (*batch, 3, 3),
            "R_parent_joint": (*batch, NUM_EXPRESSIVE_JOINTS - 1, 3, 3),
            "shape": (*batch, 10),
            "expression": (*batch, 10),
            "t_cam_root": (*batch, 3),
        }
        for name, want in expected.items():
            got = tuple(getattr(self, name).shape)
            if got != want:
                raise ValueError(f"ExpressiveParams.{name}: expected shape {want}, got {got}")

    @property
    def batch_shape(self) -> torch.Size:
        return self.R_cam_root.shape[:-2]

    def __getitem__(self, index) -> ExpressiveParams:
        return self.map(lambda x: x[index])

    def map(self, function) -> ExpressiveParams:
        """Apply one function to every field."""
        return ExpressiveParams(*(function(getattr(self, f.name)) for f in fields(self)))

    def where_missing_at_rest(self) -> ExpressiveParams:
        """Numbers that a label lacks (NaN) as those of a body at rest, 3 m away: what is masked out must be a number still."""

        def filled(x: Tensor, value: Tensor) -> Tensor:
            return torch.where(x.isnan(), value.to(x), x)

        identity, zero = torch.eye(3), torch.zeros(())
        return ExpressiveParams(
            filled(self.R_cam_root, identity),
            filled(self.R_parent_joint, identity),
            filled(self.shape, zero),
            filled(self.expression, zero),
            filled(self.t_cam_root, torch.tensor([0.0, 0.0, 3.0])),
        )

    @staticmethod
    def cat(parts: list[ExpressiveParams]) -> ExpressiveParams:
        return ExpressiveParams(*(torch.cat([getattr(p, f.name) for p in parts]) for f in fields(ExpressiveParams)))

    def body(self) -> BodyParams:
        """What of it SMPL's 24 joints can say: SMPL's hand joint turns as the root of the middle finger does."""
        R = self.R_parent_joint
        hands = R[..., [joint - 1 for joint in _MIDDLE_ROOT], :, :]
        return BodyParams(self.R_cam_root, torch.cat([R[..., :21, :, :], hands], -3), self.shape, self.t_cam_root)

    @staticmethod
    def of_body(body: BodyParams) -> ExpressiveParams:
        """A body whose hands are stiff (every finger turns at its root as SMPL's hand joint does) and whose face is at rest."""
        batch = body.batch_shape
        R = torch.eye(3).to(body.shape).expand(*batch, NUM_EXPRESSIVE_JOINTS - 1, 3, 3).clone()
        R[..., :21, :, :] = body.R_parent_joint[..., :21, :, :]
        for slot, part in ((21, "left_hand"), (22, "right_hand")):
            roots = [joint - 1 for joint in PART_JOINTS[part][::3]]
            R[..., roots, :, :] = body.R_parent_joint[..., slot : slot + 1, :, :]
        return ExpressiveParams(body.R_cam_root, R, body.shape, body.shape.new_zeros(*batch, 10), body.t_cam_root)
