"""Body parameters as arrays of a file: rotation vectors, betas, metres, in SMPL's or SMPL-X's words. And .npz files of ours."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import roma
import torch

from hmr.body import BodyParams
from hmr.files import write_atomically
from hmr.skeleton import SMPL

SMPL_ARRAYS = ("global_orient", "body_pose", "betas", "t_cam_root")
SMPLX_ARRAYS = (
    *SMPL_ARRAYS, "jaw_pose", "leye_pose", "reye_pose", "left_hand_pose", "right_hand_pose", "expression",
)  # fmt: skip


#: As long as the body model has components.
_FREE = ("betas", "expression")


def arrays_of_bodies(params: BodyParams) -> dict[str, np.ndarray]:
    """As smplx names them; of SMPL-X the body's 21 joints, jaw, eyes and hands are arrays of their own."""
    rotvec = roma.rotmat_to_rotvec(params.R_parent_joint).numpy().astype(np.float32)
    common = {
        "global_orient": roma.rotmat_to_rotvec(params.R_cam_root).numpy().astype(np.float32),
        "betas": params.shape.numpy().astype(np.float32),
        "t_cam_root": params.t_cam_root.numpy().astype(np.float32),
    }
    if params.skeleton is SMPL:
        return {**common, "body_pose": rotvec}
    expression = params.expression if params.expression is not None else params.shape.new_zeros(params.shape.shape)
    return {
        **common,
        "body_pose": rotvec[..., :21, :],
        "jaw_pose": rotvec[..., 21, :],
        "leye_pose": rotvec[..., 22, :],
        "reye_pose": rotvec[..., 23, :],
        "left_hand_pose": rotvec[..., 24:39, :],
        "right_hand_pose": rotvec[..., 39:54, :],
        "expression": expression.numpy().astype(np.float32),
    }


def bodies_of_arrays(arrays: dict[str, np.ndarray], where: str) -> BodyParams:
    """Inverse of ``arrays_of_bodies``; hands tell which of the two it is.

    Raises ValueError that names ``where``: arrays that are missing, misshapen, or of other batches.
    """
    needed = SMPLX_ARRAYS if "left_hand_pose" in arrays else SMPL_ARRAYS
    if missing := [name for name in needed if name not in arrays]:
        raise ValueError(f"{where}: expected arrays of bodies, missing {missing}")
    batch = arrays["global_orient"].shape[:-1]
    joints = {"body_pose": 21 if needed is SMPLX_ARRAYS else 23, "left_hand_pose": 15, "right_hand_pose": 15}
    for name in needed:
        last = (joints[name], 3) if name in joints else arrays[name].shape[-1:] if name in _FREE else (3,)
        if arrays[name].shape != (*batch, *last):
            raise ValueError(f"{where}: '{name}' should be {(*batch, *last)}, is {arrays[name].shape}")
    t = {name: torch.from_numpy(arrays[name]) for name in needed}
    rotvec, expression = t["body_pose"], None
    if needed is SMPLX_ARRAYS:
        face = torch.stack([t["jaw_pose"], t["leye_pose"], t["reye_pose"]], -2)
        rotvec = torch.cat([rotvec, face, t["left_hand_pose"], t["right_hand_pose"]], -2)
        expression = t["expression"]
    return BodyParams(
        roma.rotvec_to_rotmat(t["global_orient"]),
        roma.rotvec_to_rotmat(rotvec),
        t["betas"],
        t["t_cam_root"],
        expression,
    )


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """All arrays of an .npz. Raises ValueError naming the file when it is missing, broken, or holds objects."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {key: file[key] for key in file.files}
    except FileNotFoundError:
        raise ValueError(f"{path}: expected an .npz file, there is none") from None
    except NotADirectoryError:
        raise ValueError(f"{path.parent}: expected a folder with {path.name}, this is a file") from None
    except (zipfile.BadZipFile, EOFError, OSError) as error:
        raise ValueError(f"{path}: could not be read as .npz ({error}); it may be truncated") from None
    except ValueError as error:
        raise ValueError(f"{path}: refused ({error}); objects in .npz files could run code") from None
    except AttributeError:  # a .npy, or an archive of something else
        raise ValueError(f"{path}: expected an .npz with named arrays, this is one array without a name") from None


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """One .npz, atomically."""
    with write_atomically(path) as partial, partial.open("wb") as stream:
        np.savez(stream, **arrays)  # pyright: ignore[reportArgumentType]
