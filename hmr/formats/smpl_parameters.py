"""SMPL-family parameters as other people store them, to keypoints in the photograph's camera frame."""

from __future__ import annotations

import numpy as np
import roma
import torch
from torch import Tensor

from hmr.body import BodyModel, BodyParams
from hmr.skeleton import NUM_TWISTS


def rotations(values: np.ndarray, joints: int) -> Tensor:
    """Axis-angle (3 joints,), (joints, 3) or matrices (joints, 3, 3) to (joints, 3, 3).

    Raises ValueError for another number of joints.
    """
    flat = torch.from_numpy(np.asarray(values, dtype=np.float32)).flatten()
    if flat.numel() == 9 * joints:
        return flat.view(joints, 3, 3)
    if flat.numel() == 3 * joints:
        return roma.rotvec_to_rotmat(flat.view(joints, 3))
    raise ValueError(f"expected rotations of {joints} joints (axis-angle or matrices), got {np.shape(values)}")


def body_joints(body_poses: np.ndarray) -> int:
    """How many joints rows (n, ...) of rotations are of: SMPL's 23 or SMPL-X's 21."""
    return 21 if np.size(body_poses[0]) in (21 * 3, 21 * 9) else NUM_TWISTS


def body_rotations(body_pose: np.ndarray) -> Tensor:
    """SMPL's 23 joints, or SMPL-X's 21 (the two hand joints are then at rest), to (23, 3, 3)."""
    if body_joints(np.asarray(body_pose)[None]) == 21:
        return torch.cat([rotations(body_pose, 21), torch.eye(3).expand(2, 3, 3)])
    return rotations(body_pose, NUM_TWISTS)


def check_betas(betas: np.ndarray) -> None:
    """Raises ValueError for fewer than the ten that are fitted."""
    if np.size(betas) < 10:
        raise ValueError(f"has {np.size(betas)} betas; ten are needed")


def body_of_parameters(
    global_orient: np.ndarray, body_pose: np.ndarray, betas: np.ndarray, transl: np.ndarray, model: BodyModel
) -> BodyParams:
    """One body in the frame of ``transl``, which moves the whole model as in smplx: the pelvis is at transl + rest pelvis."""
    shape = torch.zeros(10)
    given = torch.from_numpy(np.asarray(betas, dtype=np.float32)).flatten()[:10]
    shape[: len(given)] = given
    pelvis = model.rest_keypoints(shape)[0]
    moved = torch.from_numpy(np.asarray(transl, dtype=np.float32)).flatten()
    if moved.numel() != 3:
        raise ValueError(f"expected a translation of 3 numbers, got {np.shape(transl)}")
    return BodyParams(rotations(global_orient, 1)[0], body_rotations(body_pose), shape, moved + pelvis)


def keypoints_of_parameters(
    global_orient: np.ndarray, body_pose: np.ndarray, betas: np.ndarray, transl: np.ndarray, model: BodyModel
) -> Tensor:
    """(29, 3) of ``body_of_parameters``. model: the user's SMPL file where there is one, else the free body, whose bones are not
    quite as long."""
    return model.keypoints(body_of_parameters(global_orient, body_pose, betas, transl, model))


def transl_of(params: BodyParams, model: BodyModel) -> Tensor:
    """(..., 3) the inverse for the place: how smplx says where bodies are."""
    return params.t_cam_root - model.rest_keypoints(params.shape)[..., 0, :]


def rotation_numbers(R: Tensor, like: np.ndarray) -> np.ndarray:
    """Rotations (m, j, 3, 3) as a file stores them, whose rows are ``like`` (n, ...): (m, 9 j) where it holds matrices, else
    rotation vectors (m, 3 j)."""
    as_matrices = like[0].size == 9 * R.shape[1]
    return (R if as_matrices else roma.rotmat_to_rotvec(R)).flatten(1).numpy()
