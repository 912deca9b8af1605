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


def body_rotations(body_pose: np.ndarray) -> Tensor:
    """SMPL's 23 joints, or SMPL-X's 21 (the two hand joints are then at rest), to (23, 3, 3)."""
    size = np.asarray(body_pose).size
    if size in (21 * 3, 21 * 9):
        return torch.cat([rotations(body_pose, 21), torch.eye(3).expand(2, 3, 3)])
    return rotations(body_pose, NUM_TWISTS)


def keypoints_of_parameters(
    global_orient: np.ndarray, body_pose: np.ndarray, betas: np.ndarray, transl: np.ndarray, model: BodyModel
) -> Tensor:
    """(29, 3) in the frame of ``transl``, which moves the whole model as in smplx: the pelvis is at transl + rest pelvis.

    ``model`` is the user's SMPL file where there is one, else the free body, whose bones are not quite as long.
    """
    shape = torch.zeros(10)
    given = torch.from_numpy(np.asarray(betas, dtype=np.float32)).flatten()[:10]
    shape[: len(given)] = given
    pelvis = model.rest_keypoints(shape)[0]
    moved = torch.from_numpy(np.asarray(transl, dtype=np.float32)).flatten()
    if moved.numel() != 3:
        raise ValueError(f"expected a translation of 3 numbers, got {np.shape(transl)}")
    params = BodyParams(rotations(global_orient, 1)[0], body_rotations(body_pose), shape, moved + pelvis)
    return model.keypoints(params)
