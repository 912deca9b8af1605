"""A body model from the arrays of a file in SMPL's own layout, skinned by our own few lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hmr.body import Body, BodyParams, chain_positions, global_rotations, linear_blend_skinning
from hmr.skeleton import JOINT_PARENTS, KEYPOINT_PARENTS, LEAF_NAMES, NUM_JOINTS

REQUIRED_KEYS = ("v_template", "shapedirs", "J_regressor", "weights", "kintree_table", "f")


@dataclass(frozen=True)
class LayoutBody:
    """Linear blend skinning over SMPL's 24 joints; implements ``hmr.body.BodyModel``.

    v_template (v, 3), shapedirs (v, 3, 10), J_regressor (24, v), weights (v, 24), faces (f, 3), leaf_vertices (5,).
    ``joint_template`` (24, 3) and ``joint_shapedirs`` (24, 3, 10) are the regressor applied to the two, so that
    keypoints need no vertices.
    """

    name: str
    v_template: Tensor
    shapedirs: Tensor
    weights: Tensor
    faces: Tensor
    leaf_vertices: Tensor
    joint_template: Tensor
    joint_shapedirs: Tensor

    @classmethod
    def from_arrays(cls, name: str, arrays: Mapping[str, np.ndarray], leaf_vertices: np.ndarray) -> LayoutBody:
        """Raises ValueError naming the missing or misshapen array."""
        missing = [key for key in REQUIRED_KEYS if key not in arrays]
        if missing:
            raise ValueError(f"body model '{name}': expected arrays {REQUIRED_KEYS}, missing {missing}")
        parents = np.asarray(arrays["kintree_table"])[0, :NUM_JOINTS].astype(np.int64)
        if tuple(parents[1:]) != JOINT_PARENTS[1:]:
            raise ValueError(f"body model '{name}': kintree_table is not SMPL's tree of {NUM_JOINTS} body joints")
        if len(leaf_vertices) != len(LEAF_NAMES):
            raise ValueError(f"body model '{name}': expected {len(LEAF_NAMES)} leaf vertices, got {len(leaf_vertices)}")

        def tensor(key: str) -> Tensor:
            return torch.from_numpy(np.asarray(arrays[key], dtype=np.float32))

        v_template, shapedirs, weights = tensor("v_template"), tensor("shapedirs")[..., :10], tensor("weights")
        J_regressor = tensor("J_regressor")
        if weights.shape != (len(v_template), NUM_JOINTS) or J_regressor.shape != (NUM_JOINTS, len(v_template)):
            raise ValueError(
                f"body model '{name}': expected weights ({len(v_template)}, {NUM_JOINTS}) and J_regressor transposed, "
                f"got {tuple(weights.shape)} and {tuple(J_regressor.shape)}"
            )
        return cls(
            name=name,
            v_template=v_template,
            shapedirs=shapedirs,
            weights=weights / weights.sum(-1, keepdim=True),
            faces=torch.from_numpy(np.asarray(arrays["f"], dtype=np.int64)),
            leaf_vertices=torch.from_numpy(np.asarray(leaf_vertices, dtype=np.int64)),
            joint_template=J_regressor @ v_template,
            joint_shapedirs=torch.einsum("jv,vcs->jcs", J_regressor, shapedirs),
        )

    def rest_vertices(self, shape: Tensor) -> Tensor:
        flat = shape.reshape(-1, shape.shape[-1]) @ self.shapedirs.flatten(0, 1).T
        return self.v_template + flat.reshape(*shape.shape[:-1], *self.v_template.shape)

    def rest_keypoints(self, shape: Tensor) -> Tensor:
        joints = self.joint_template + torch.einsum("jcs,...s->...jc", self.joint_shapedirs, shape)
        leaves = self.v_template[self.leaf_vertices] + torch.einsum(
            "lcs,...s->...lc", self.shapedirs[self.leaf_vertices], shape
        )
        return torch.cat([joints, leaves], dim=-2)

    def keypoints(self, params: BodyParams) -> Tensor:
        R_cam_joint = global_rotations(params.R_cam_root, params.R_parent_joint)
        relative = chain_positions(R_cam_joint, self.rest_keypoints(params.shape), KEYPOINT_PARENTS)
        return relative + params.t_cam_root[..., None, :]

    def posed(self, params: BodyParams) -> Body:
        rest = self.rest_keypoints(params.shape)
        R_cam_joint = global_rotations(params.R_cam_root, params.R_parent_joint)
        keypoints = chain_positions(R_cam_joint, rest, KEYPOINT_PARENTS) + params.t_cam_root[..., None, :]
        vertices = linear_blend_skinning(
            R_cam_joint,
            keypoints[..., :NUM_JOINTS, :],
            rest[..., :NUM_JOINTS, :],
            self.rest_vertices(params.shape),
            self.weights,
        )
        return Body(vertices=vertices, keypoints=keypoints)
