"""Pictures with labels: what every stage reads and writes between files."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import roma
import torch
from torch import Tensor

from hmr.body import BodyParams
from hmr.crops import CROP_ARRAYS, LabelledCrops, crop_fields, read_pictures, write_pictures
from hmr.files import write_atomically


@dataclass(frozen=True)
class Samples(LabelledCrops[BodyParams]):
    """n square crops and labels of SMPL's 24 joints; 29 keypoints."""

    def unlabelled(self) -> Samples:
        """The same pictures with every label removed, so that no later stage can look at them."""
        return replace(
            self,
            label=self.label.map(lambda x: torch.full_like(x, torch.nan)),
            label_kind=("none",) * len(self),
            keypoints_2d=torch.zeros_like(self.keypoints_2d),
        )


def body_params_arrays(params: BodyParams) -> dict[str, np.ndarray]:
    """Arrays for a file: axis-angle (files hold rotation vectors), betas, metres."""
    return {
        "global_orient": roma.rotmat_to_rotvec(params.R_cam_root).numpy().astype(np.float32),
        "body_pose": roma.rotmat_to_rotvec(params.R_parent_joint).numpy().astype(np.float32),
        "betas": params.shape.numpy().astype(np.float32),
        "t_cam_root": params.t_cam_root.numpy().astype(np.float32),
    }


def body_params_from_arrays(arrays: dict[str, np.ndarray]) -> BodyParams:
    return BodyParams(
        R_cam_root=roma.rotvec_to_rotmat(torch.from_numpy(arrays["global_orient"])),
        R_parent_joint=roma.rotvec_to_rotmat(torch.from_numpy(arrays["body_pose"])),
        shape=torch.from_numpy(arrays["betas"]),
        t_cam_root=torch.from_numpy(arrays["t_cam_root"]),
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


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    with write_atomically(path) as partial, partial.open("wb") as stream:
        np.savez(stream, **arrays)  # pyright: ignore[reportArgumentType]


def save_samples(folder: Path, samples: Samples) -> None:
    """``pictures.npy`` (n, s, s, 3) uint8 and ``labels.npz`` in ``folder``."""
    write_pictures(folder, samples.rgb)
    write_arrays(folder / "labels.npz", {**body_params_arrays(samples.label), **samples.arrays()})


def load_samples(folder: Path) -> Samples:
    """Raises ValueError naming what is missing or broken."""
    arrays, rgb = read_arrays(folder / "labels.npz"), read_pictures(folder)
    if missing := {"global_orient", "body_pose", "betas", "t_cam_root", *CROP_ARRAYS} - set(arrays):
        raise ValueError(
            f"{folder / 'labels.npz'}: arrays {sorted(missing)} are missing; make the set with `adhmr synth`"
        )
    return Samples(**crop_fields(arrays, rgb), label=body_params_from_arrays(arrays))


def matched(samples: Samples, keys: tuple[str, ...]) -> Samples:
    """The samples named by ``keys``, in that order. Raises ValueError for duplicate keys or keys that are not there."""
    place = {key: i for i, key in enumerate(samples.key)}
    if len(place) != len(samples.key):
        raise ValueError(f"the pictures' keys are not unique: {len(samples.key) - len(place)} come twice")
    if missing := [key for key in keys if key not in place]:
        raise ValueError(f"no pictures for {len(missing)} keys, the first: {missing[:3]}")
    return samples[[place[key] for key in keys]]


def check_crop_size(what: str, trained_px: int, given_px: int) -> None:
    """Raises ValueError when pictures have another size than a network was trained on."""
    if trained_px != given_px:
        raise ValueError(
            f"this {what} was trained on {trained_px} px crops, the pictures are {given_px} px; make the set again with "
            f"--size {trained_px}"
        )


def nothing_known(key: tuple[str, ...], rgb: Tensor, K: Tensor) -> Samples:
    """Pictures without labels: rgb (n, 3, s, s) uint8, K (n, 3, 3)."""
    n, nan = len(key), torch.nan
    label = BodyParams(
        torch.full((n, 3, 3), nan), torch.full((n, 23, 3, 3), nan), torch.full((n, 10), nan), torch.full((n, 3), nan)
    )
    return Samples(key, rgb, K, label, ("none",) * n, torch.zeros(n, 29, 3))
