"""The one body model of this house: linear blend skinning over any skeleton, from arrays of a file in SMPL's layout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from hmr.body import Body, BodyParams, chain_positions, global_rotations, linear_blend_skinning
from hmr.skeleton import JOINT_NAMES, LEAF_NAMES, SMPL, Skeleton
from hmr.skeleton_smplx import NUM_FACE_POINTS, SMPL_OWNER_OF_SMPLX, SMPLX, SMPLX_JOINT_OF_SMPL, TIP_NAMES

REQUIRED_KEYS = ("v_template", "shapedirs", "J_regressor", "weights", "kintree_table", "f")
NUM_BETAS, NUM_EXPRESSIONS = 10, 10
_EXPRESSION_START = 300
"""Where SMPL-X's files of 300 and more shape components keep their expressions."""


@dataclass(frozen=True, eq=False)
class SkinnedBody:
    """Implements ``hmr.body.BodyModel``. No pose correctives.

    Attributes:
        name: family and level, as it is written into checkpoints and files.
        skeleton: of j joints and p points beside them.
        v_template: (v, 3) metres, body frame.
        directions: (v, 3, 10 + e) what each beta, then each expression, moves.
        weights: (v, j), rows sum to one.
        faces: (f, 3).
        point_vertices: (p,) the vertices that are the skeleton's points.
        joint_template, joint_directions: (j, 3) and (j, 3, 10 + e), the joint regressor applied to the two.
    """

    name: str
    skeleton: Skeleton
    v_template: Tensor
    directions: Tensor
    weights: Tensor
    faces: Tensor
    point_vertices: Tensor
    joint_template: Tensor
    joint_directions: Tensor

    @classmethod
    def from_smpl_arrays(cls, name: str, arrays: Mapping[str, np.ndarray], leaf_vertices: np.ndarray) -> SkinnedBody:
        """SMPL's 24 joints; leaf_vertices: (5,) as ``LEAF_NAMES``. Raises ValueError naming the missing or misshapen array."""
        if len(leaf_vertices) != len(LEAF_NAMES):
            raise ValueError(f"body model '{name}': expected {len(LEAF_NAMES)} leaf vertices, got {len(leaf_vertices)}")
        checked = _Arrays(name, arrays, SMPL)
        return checked.body(checked.tensor("shapedirs")[..., :NUM_BETAS], torch.from_numpy(_indices(leaf_vertices)))

    @classmethod
    def from_smplx_arrays(cls, name: str, arrays: Mapping[str, np.ndarray], tip_vertices: np.ndarray) -> SkinnedBody:
        """SMPL-X's 55 joints with expressions; tip_vertices: (10,) as ``TIP_NAMES``. Points of the face are chosen.

        Raises ValueError naming the missing or misshapen array.
        """
        if len(tip_vertices) != len(TIP_NAMES):
            raise ValueError(f"body model '{name}': expected {len(TIP_NAMES)} finger tips, got {len(tip_vertices)}")
        checked = _Arrays(name, arrays, SMPLX)
        directions = checked.tensor("shapedirs")
        count = directions.shape[-1]
        start = _EXPRESSION_START if count >= _EXPRESSION_START + NUM_EXPRESSIONS else NUM_BETAS
        if count < start + NUM_EXPRESSIONS:
            raise ValueError(f"body model '{name}': expected 10 shape and 10 expression directions, got {count}")
        expressions = directions[..., start : start + NUM_EXPRESSIONS]
        face = face_points(checked.tensor("v_template"), expressions, checked.weights())
        points = torch.cat([torch.from_numpy(_indices(tip_vertices)), face])
        return checked.body(torch.cat([directions[..., :NUM_BETAS], expressions], -1), points)

    def to(self, device: torch.device | str) -> SkinnedBody:
        """The same body with its arrays on a device."""
        moved = {f.name: value.to(device) for f in fields(self) if isinstance(value := getattr(self, f.name), Tensor)}
        return replace(self, **moved)

    @property
    def family(self) -> str:
        """The name without its level of detail: "free-body" of "free-body-1200"."""
        family, _, level = self.name.rpartition("-")
        return family if level.isdigit() else self.name

    @property
    def num_expressions(self) -> int:
        return self.directions.shape[-1] - NUM_BETAS

    def _coefficients(self, shape: Tensor, expression: Tensor | None) -> Tensor:
        """Betas and expressions side by side, (..., 10 + e); a face that nothing is said of is at rest."""
        if self.num_expressions == 0:
            return shape
        if expression is None:
            expression = shape.new_zeros(*shape.shape[:-1], self.num_expressions)
        return torch.cat([shape, expression], -1)

    def rest_joints(self, shape: Tensor, expression: Tensor | None = None) -> Tensor:
        """(..., j, 3), body frame, metres."""
        moved = torch.einsum("jcs,...s->...jc", self.joint_directions, self._coefficients(shape, expression))
        return self.joint_template + moved

    def rest_keypoints(self, shape: Tensor, expression: Tensor | None = None) -> Tensor:
        """(..., k, 3), body frame, metres."""
        points, coefficients = self.point_vertices, self._coefficients(shape, expression)
        at_rest = self.v_template[points] + torch.einsum("lcs,...s->...lc", self.directions[points], coefficients)
        return torch.cat([self.rest_joints(shape, expression), at_rest], dim=-2)

    def rest_vertices(self, shape: Tensor, expression: Tensor | None = None) -> Tensor:
        """(..., v, 3), body frame, metres."""
        coefficients = self._coefficients(shape, expression)
        flat = coefficients.reshape(-1, coefficients.shape[-1]) @ self.directions.flatten(0, 1).T
        return self.v_template + flat.reshape(*shape.shape[:-1], *self.v_template.shape)

    def _turned(self, params: BodyParams) -> Tensor:
        """R_cam_joint (..., j, 3, 3). Raises ValueError for bodies of another skeleton."""
        if params.R_parent_joint.shape[-3] != self.skeleton.num_joints - 1:
            raise ValueError(
                f"body model '{self.name}' has {self.skeleton.num_joints} joints ({self.skeleton.name}), the bodies have "
                f"{params.R_parent_joint.shape[-3] + 1}"
            )
        return global_rotations(params.R_cam_root, params.R_parent_joint, self.skeleton.joint_parents)

    def _keypoints(self, params: BodyParams, R_cam_joint: Tensor, rest: Tensor) -> Tensor:
        """Joints by the chain; points by the joint that they move with, or skinned."""
        place, tree = params.t_cam_root[..., None, :], self.skeleton
        if tree.point_parents:
            return chain_positions(R_cam_joint, rest, tree.keypoint_parents) + place
        joints_rest, points_rest = rest[..., : tree.num_joints, :], rest[..., tree.num_joints :, :]
        joints = chain_positions(R_cam_joint, joints_rest, tree.joint_parents) + place
        points = linear_blend_skinning(R_cam_joint, joints, joints_rest, points_rest, self.weights[self.point_vertices])
        return torch.cat([joints, points], -2)

    def keypoints(self, params: BodyParams) -> Tensor:
        """(..., k, 3), camera frame, metres. Raises ValueError for bodies of another skeleton."""
        R_cam_joint = self._turned(params)
        return self._keypoints(params, R_cam_joint, self.rest_keypoints(params.shape, params.expression))

    def posed(self, params: BodyParams) -> Body:
        """Vertices and keypoints, camera frame, metres. Raises ValueError for bodies of another skeleton."""
        R_cam_joint, j = self._turned(params), self.skeleton.num_joints
        rest = self.rest_keypoints(params.shape, params.expression)
        keypoints = self._keypoints(params, R_cam_joint, rest)
        vertices = linear_blend_skinning(
            R_cam_joint,
            keypoints[..., :j, :],
            rest[..., :j, :],
            self.rest_vertices(params.shape, params.expression),
            self.weights,
        )
        return Body(vertices, keypoints, j)

    @property
    def smpl(self) -> SkinnedBody:
        """The same surface moved by SMPL's 24 joints: fingers by its hand joints, jaw and eyes by the head."""
        return self if self.skeleton is SMPL else self._of_smpl

    @cached_property
    def _of_smpl(self) -> SkinnedBody:
        v, device = self.v_template, self.v_template.device
        owner = torch.tensor(SMPL_OWNER_OF_SMPLX, device=device)
        weights = torch.zeros(len(v), SMPL.num_joints, device=device).index_add_(1, owner, self.weights)
        feet = torch.tensor([JOINT_NAMES.index(name) for name in ("left_foot", "right_foot")], device=device)
        toes = torch.where(self.weights.argmax(-1)[:, None] == feet, v[:, 2:], -torch.inf).argmax(0)
        tips = self.point_vertices[[TIP_NAMES.index(f"{side}_middle_tip") for side in ("left", "right")]]
        joints = list(SMPLX_JOINT_OF_SMPL)
        return SkinnedBody(
            self.name, SMPL, v, self.directions[..., :NUM_BETAS], weights, self.faces,
            torch.cat([v[:, 1].argmax()[None], tips, toes]),
            self.joint_template[joints], self.joint_directions[joints][..., :NUM_BETAS],
        )  # fmt: skip

    def part_vertices(self, part: str) -> Tensor:
        """Indices of the vertices that belong to a part of the skeleton (of SMPL-X: left_hand, right_hand, face)."""
        return torch.nonzero(torch.isin(self.weights.argmax(-1), torch.tensor(self.skeleton.part_owners[part])))[:, 0]


def face_points(v_template: Tensor, exprdirs: Tensor, weights: Tensor) -> Tensor:
    """(16,) vertices spread over what an expression moves: the one it moves most, then always the furthest from those taken."""
    head = torch.isin(weights.argmax(-1), torch.tensor(SMPLX.part_owners["face"]))
    reach = exprdirs.square().sum((1, 2)).sqrt() * head
    front = v_template[:, 2] > v_template[head, 2].mean()
    candidates = torch.nonzero((reach > 0.15 * reach.max()) & front & head)[:, 0]
    taken = [int(reach.argmax())]
    while len(taken) < NUM_FACE_POINTS:
        distance = torch.cdist(v_template[candidates], v_template[taken]).amin(1)
        taken.append(int(candidates[distance.argmax()]))
    return torch.tensor(taken)


def _indices(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, dtype=np.int64)


@dataclass(frozen=True)
class _Arrays:
    """The arrays of a file, checked against a skeleton when they are taken."""

    name: str
    arrays: Mapping[str, np.ndarray]
    skeleton: Skeleton

    def __post_init__(self) -> None:
        if missing := [key for key in REQUIRED_KEYS if key not in self.arrays]:
            raise ValueError(f"body model '{self.name}': expected arrays {REQUIRED_KEYS}, missing {missing}")
        parents, j = np.asarray(self.arrays["kintree_table"])[0].astype(np.int64), self.skeleton.num_joints
        # Files of SMPL-X and SMPL-H begin with SMPL's 22 joints; only whole trees are read.
        if tuple(parents[1:j]) != self.skeleton.joint_parents[1:] or (self.skeleton is not SMPL and len(parents) != j):
            raise ValueError(
                f"body model '{self.name}': kintree_table is not {self.skeleton.name}'s tree of {j} joints, it has {len(parents)}"
            )

    def tensor(self, key: str) -> Tensor:
        return torch.from_numpy(np.asarray(self.arrays[key], dtype=np.float32))

    def weights(self) -> Tensor:
        weights = self.tensor("weights")
        return weights / weights.sum(-1, keepdim=True)

    def body(self, directions: Tensor, point_vertices: Tensor) -> SkinnedBody:
        v_template, weights, J_regressor = self.tensor("v_template"), self.weights(), self.tensor("J_regressor")
        v, j = len(v_template), self.skeleton.num_joints
        if weights.shape != (v, j) or J_regressor.shape != (j, v):
            raise ValueError(
                f"body model '{self.name}': expected weights ({v}, {j}) and J_regressor transposed, got "
                f"{tuple(weights.shape)} and {tuple(J_regressor.shape)}"
            )
        return SkinnedBody(
            self.name, self.skeleton, v_template, directions, weights,
            torch.from_numpy(_indices(self.arrays["f"])), point_vertices,
            J_regressor @ v_template, torch.einsum("jv,vcs->jcs", J_regressor, directions),
        )  # fmt: skip
