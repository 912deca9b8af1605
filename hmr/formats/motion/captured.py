"""Motion capture as poses of SMPL's 24 joints: AMASS' files, and others with the same rotations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from roma import rotvec_to_rotmat
from torch import Tensor

from hmr.body_codec import read_arrays
from hmr.skeleton import MIRRORED_KEYPOINT, NUM_JOINTS

_Y_UP_OF_Z_UP = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])


@dataclass(frozen=True)
class Motion:
    """Poses that people took.

    Attributes:
        R_world_root: (n, 3, 3) body to a world whose y is up; any heading.
        R_parent_joint: (n, 23, 3, 3).
    """

    R_world_root: Tensor
    R_parent_joint: Tensor

    def __len__(self) -> int:
        return len(self.R_world_root)

    def __getitem__(self, rows: Tensor) -> Motion:
        return Motion(self.R_world_root[rows], self.R_parent_joint[rows])

    def mirrored(self) -> Motion:
        """Left for right."""
        flip = torch.diag(torch.tensor([-1.0, 1.0, 1.0]))
        joints = [MIRRORED_KEYPOINT[joint] - 1 for joint in range(1, NUM_JOINTS)]
        return Motion(flip @ self.R_world_root @ flip, flip @ self.R_parent_joint[:, joints] @ flip)

    @staticmethod
    def cat(parts: list[Motion]) -> Motion:
        return Motion(torch.cat([p.R_world_root for p in parts]), torch.cat([p.R_parent_joint for p in parts]))


def read_motions(paths: Sequence[Path]) -> Motion | None:
    """Of all files together; None where there are none. Raises as ``read_motion``."""
    return Motion.cat([read_motion(path) for path in paths]) if paths else None


def read_motion(path: Path) -> Motion:
    """A .npz with rotation vectors: AMASS' ``poses`` (n, 66 or more; its world has z up), or ``pose`` (n, 24, 3) in a world with
    y up. Fingers are left out; a hand that is not given does not bend.

    Raises ValueError that says what the file has instead.
    """
    arrays = read_arrays(path)
    if "poses" in arrays:
        values, up = np.asarray(arrays["poses"], dtype=np.float32), _Y_UP_OF_Z_UP
        if values.ndim != 2 or values.shape[1] < 66:
            raise ValueError(f"{path}: expected poses (n, 66 or more) as AMASS has them, got {values.shape}")
        values = values[:, :66].reshape(-1, 22, 3)
    elif "pose" in arrays:
        values, up = np.asarray(arrays["pose"], dtype=np.float32), torch.eye(3)
        if values.ndim != 3 or values.shape[1:] != (NUM_JOINTS, 3):
            raise ValueError(f"{path}: expected pose (n, {NUM_JOINTS}, 3), got {values.shape}")
    else:
        raise ValueError(f"{path}: expected poses (AMASS) or pose (n, {NUM_JOINTS}, 3); it has {sorted(arrays)}")
    values = values[np.isfinite(values).all((1, 2))]
    if not len(values):
        raise ValueError(f"{path}: has no pose that is finite")
    R = torch.eye(3).repeat(len(values), NUM_JOINTS, 1, 1)
    R[:, : values.shape[1]] = rotvec_to_rotmat(torch.from_numpy(values))
    return Motion(up @ R[:, 0], R[:, 1:])
