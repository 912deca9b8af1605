"""A body model with hands, jaw and expression, from arrays in SMPL-X's layout, skinned as ``hmr.smpl_layout`` is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import hmr.free_body
from hmr.body import chain_positions, global_rotations, linear_blend_skinning
from hmr.expressive.params import ExpressiveParams
from hmr.expressive.skeleton import (
    EXPRESSIVE_JOINT_NAMES,
    EXPRESSIVE_JOINT_PARENTS,
    NUM_EXPRESSIVE_JOINTS,
    NUM_FACE_POINTS,
    PART_OWNERS,
    TIP_NAMES,
)
from hmr.skeleton import JOINT_NAMES, NUM_JOINTS
from hmr.smpl_layout import REQUIRED_KEYS, LayoutBody

FREE_LEVELS = (6900, 2500)
"""Vertices of the free body with hands: 6,900 for showing, 2,500 for training and metrics."""
_FEET = ("left_foot", "right_foot")
_EXPRESSION_START = 300
"""Where SMPL-X's files of 300 and more shape components keep their expressions."""


@dataclass(frozen=True)
class ExpressiveBody:
    """Posed, in the camera frame, metres: vertices (..., v, 3), keypoints (..., 81, 3), the first 55 of them the joints."""

    vertices: Tensor
    keypoints: Tensor

    @property
    def joints(self) -> Tensor:
        return self.keypoints[..., :NUM_EXPRESSIVE_JOINTS, :]


@dataclass(frozen=True)
class ExpressiveModel:
    """Linear blend skinning over SMPL-X's 55 joints, without pose correctives.

    v_template (v, 3), shapedirs and exprdirs (v, 3, 10), weights (v, 55), faces (f, 3), point_vertices (26,): finger tips and
    points of the face. joint_template (55, 3), joint_directions (55, 3, 20): the regressor applied to template and directions.
    """

    name: str
    v_template: Tensor
    shapedirs: Tensor
    exprdirs: Tensor
    weights: Tensor
    faces: Tensor
    point_vertices: Tensor
    joint_template: Tensor
    joint_directions: Tensor

    @classmethod
    def from_arrays(cls, name: str, arrays: Mapping[str, np.ndarray], tip_vertices: np.ndarray) -> ExpressiveModel:
        """tip_vertices: (10,) as ``TIP_NAMES``. Raises ValueError naming the missing or misshapen array."""
        if missing := [key for key in REQUIRED_KEYS if key not in arrays]:
            raise ValueError(f"body model '{name}': expected arrays {REQUIRED_KEYS}, missing {missing}")
        parents = np.asarray(arrays["kintree_table"])[0].astype(np.int64)
        if tuple(parents[1:]) != EXPRESSIVE_JOINT_PARENTS[1:]:
            raise ValueError(
                f"body model '{name}': kintree_table is not SMPL-X's tree of {NUM_EXPRESSIVE_JOINTS} joints (it has "
                f"{len(parents)}); a model without hands goes through hmr.smplx_files.load_body"
            )
        if len(tip_vertices) != len(TIP_NAMES):
            raise ValueError(f"body model '{name}': expected {len(TIP_NAMES)} finger tips, got {len(tip_vertices)}")

        def tensor(key: str) -> Tensor:
            return torch.from_numpy(np.asarray(arrays[key], dtype=np.float32))

        v_template, directions, weights = tensor("v_template"), tensor("shapedirs"), tensor("weights")
        start = _EXPRESSION_START if directions.shape[-1] >= _EXPRESSION_START + 10 else 10
        if directions.shape[-1] < start + 10:
            raise ValueError(
                f"body model '{name}': expected 10 shape and 10 expression directions, got {directions.shape[-1]}"
            )
        J_regressor = tensor("J_regressor")
        if J_regressor.shape != weights.T.shape or weights.shape != (len(v_template), NUM_EXPRESSIVE_JOINTS):
            raise ValueError(
                f"body model '{name}': expected weights ({len(v_template)}, {NUM_EXPRESSIVE_JOINTS}) and J_regressor transposed, "
                f"got {tuple(weights.shape)} and {tuple(J_regressor.shape)}"
            )
        shapedirs, exprdirs = directions[..., :10], directions[..., start : start + 10]
        weights = weights / weights.sum(-1, keepdim=True)
        both = torch.cat([shapedirs, exprdirs], -1)
        face = face_points(v_template, exprdirs, weights)
        return cls(
            name=name,
            v_template=v_template,
            shapedirs=shapedirs,
            exprdirs=exprdirs,
            weights=weights,
            faces=torch.from_numpy(np.asarray(arrays["f"], dtype=np.int64)),
            point_vertices=torch.cat([torch.from_numpy(np.asarray(tip_vertices, dtype=np.int64)), face]),
            joint_template=J_regressor @ v_template,
            joint_directions=torch.einsum("jv,vcs->jcs", J_regressor, both),
        )

    def to(self, device: torch.device) -> ExpressiveModel:
        tensors = {f.name: value.to(device) for f in fields(self) if isinstance(value := getattr(self, f.name), Tensor)}
        return replace(self, **tensors)

    def rest_joints(self, shape: Tensor, expression: Tensor) -> Tensor:
        """(..., 10) and (..., 10) to (..., 55, 3), body frame, metres."""
        both = torch.cat([shape, expression], -1)
        return self.joint_template + torch.einsum("jcs,...s->...jc", self.joint_directions, both)

    def rest_vertices(self, shape: Tensor, expression: Tensor) -> Tensor:
        """(..., v, 3), body frame, metres."""
        flat = shape @ self.shapedirs.flatten(0, 1).T + expression @ self.exprdirs.flatten(0, 1).T
        return self.v_template + flat.unflatten(-1, self.v_template.shape)

    def posed(self, params: ExpressiveParams) -> ExpressiveBody:
        rest = self.rest_joints(params.shape, params.expression)
        R_cam_joint = global_rotations(params.R_cam_root, params.R_parent_joint, EXPRESSIVE_JOINT_PARENTS)
        joints = chain_positions(R_cam_joint, rest, EXPRESSIVE_JOINT_PARENTS) + params.t_cam_root[..., None, :]
        rest_vertices = self.rest_vertices(params.shape, params.expression)
        vertices = linear_blend_skinning(R_cam_joint, joints, rest, rest_vertices, self.weights)
        return ExpressiveBody(vertices, torch.cat([joints, vertices[..., self.point_vertices, :]], -2))

    def keypoints(self, params: ExpressiveParams) -> Tensor:
        """(..., 81, 3), camera frame; only the 26 points are skinned."""
        rest = self.rest_joints(params.shape, params.expression)
        R_cam_joint = global_rotations(params.R_cam_root, params.R_parent_joint, EXPRESSIVE_JOINT_PARENTS)
        joints = chain_positions(R_cam_joint, rest, EXPRESSIVE_JOINT_PARENTS) + params.t_cam_root[..., None, :]
        rows = self.point_vertices
        at_rest = self.v_template[rows] + torch.einsum(
            "vcs,...s->...vc",
            torch.cat([self.shapedirs[rows], self.exprdirs[rows]], -1),
            torch.cat([params.shape, params.expression], -1),
        )
        points = linear_blend_skinning(R_cam_joint, joints, rest, at_rest, self.weights[rows])
        return torch.cat([joints, points], -2)

    def layout(self) -> LayoutBody:
        """The same surface moved by SMPL's 24 joints: fingers by its hand joints, jaw and eyes by the head."""
        owner = [*range(22), 15, 15, 15, *[22] * 15, *[23] * 15]
        weights = torch.zeros(len(self.v_template), NUM_JOINTS).index_add_(1, torch.tensor(owner), self.weights)
        roots = [*range(22), *(EXPRESSIVE_JOINT_NAMES.index(f"{side}_middle1") for side in ("left", "right"))]
        v, foot = (
            self.v_template,
            self.weights.argmax(-1)[:, None] == torch.tensor([JOINT_NAMES.index(n) for n in _FEET]),
        )
        toes = torch.where(foot, v[:, 2:], -torch.inf).argmax(0)
        tips = self.point_vertices[[TIP_NAMES.index(f"{side}_middle_tip") for side in ("left", "right")]]
        return LayoutBody(
            name=self.name,
            v_template=v,
            shapedirs=self.shapedirs,
            weights=weights,
            faces=self.faces,
            leaf_vertices=torch.cat([v[:, 1].argmax()[None], tips, toes]),
            joint_template=self.joint_template[roots],
            joint_shapedirs=self.joint_directions[roots][..., :10],
        )

    def part_vertices(self, part: str) -> Tensor:
        """Indices of the vertices that belong to ``left_hand``, ``right_hand`` or ``face``."""
        owner = self.weights.argmax(-1)
        return torch.nonzero(torch.isin(owner, torch.tensor(PART_OWNERS[part])))[:, 0]


def face_points(v_template: Tensor, exprdirs: Tensor, weights: Tensor) -> Tensor:
    """(16,) vertices spread over what an expression moves: the one it moves most, then always the furthest from those taken."""
    head = torch.isin(weights.argmax(-1), torch.tensor(PART_OWNERS["face"]))
    reach = exprdirs.square().sum((1, 2)).sqrt() * head
    front = v_template[:, 2] > v_template[head, 2].mean()
    candidates = torch.nonzero((reach > 0.15 * reach.max()) & front & head)[:, 0]
    taken = [int(reach.argmax())]
    while len(taken) < NUM_FACE_POINTS:
        distance = torch.cdist(v_template[candidates], v_template[taken]).amin(1)
        taken.append(int(candidates[distance.argmax()]))
    return torch.tensor(taken)


@lru_cache(maxsize=len(FREE_LEVELS))
def free_expressive_body(level: int = 2500) -> ExpressiveModel:
    """The free body with hands and face. Raises ValueError for a level that is not shipped."""
    if level not in FREE_LEVELS:
        raise ValueError(f"the free body with hands comes with {FREE_LEVELS} vertices, not {level}")
    path = Path(hmr.free_body.__file__).with_name(f"free_expressive_body_{level}.npz")
    with np.load(path, allow_pickle=False) as file:
        arrays = {key: file[key] for key in file.files}
    return ExpressiveModel.from_arrays(f"free-expressive-body-{level}", arrays, arrays["tip_vertices"])
