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
from hmr.files import write_atomically

LABEL_KINDS = ("mocap", "synthetic", "pseudo", "none")


@dataclass(frozen=True)
class Samples:
    """n square crops and their labels.

    key: n unique names. rgb: (n, 3, s, s) uint8. K: (n, 3, 3) of the crop, pixels. label: bodies in the camera frame.
    label_kind: one of LABEL_KINDS; "none" promises that ``label`` is not looked at (it holds NaN).
    keypoints_2d: (n, 29, 3) x, y in crop pixels and a confidence in [0, 1] (0: outside or hidden by something).
    """

    key: tuple[str, ...]
    rgb: Tensor
    K: Tensor
    label: BodyParams
    label_kind: tuple[str, ...]
    keypoints_2d: Tensor

    def __post_init__(self) -> None:
        n = len(self.key)
        for name, value in (("rgb", self.rgb), ("K", self.K), ("keypoints_2d", self.keypoints_2d)):
            if len(value) != n:
                raise ValueError(f"Samples.{name}: expected {n} rows as there are keys, got {len(value)}")
        if unknown := set(self.label_kind) - set(LABEL_KINDS):
            raise ValueError(f"Samples.label_kind: expected one of {LABEL_KINDS}, got {sorted(unknown)}")

    def __len__(self) -> int:
        return len(self.key)

    @property
    def size(self) -> int:
        """Side of the crops in pixels."""
        return self.rgb.shape[-1]

    def __getitem__(self, index: slice | Tensor | np.ndarray | list[int]) -> Samples:
        rows = np.arange(len(self))[index.numpy() if isinstance(index, Tensor) else index]
        take = torch.from_numpy(np.ascontiguousarray(rows))
        return Samples(
            key=tuple(self.key[i] for i in rows),
            rgb=self.rgb[take],
            K=self.K[take],
            label=self.label[take],
            label_kind=tuple(self.label_kind[i] for i in rows),
            keypoints_2d=self.keypoints_2d[take],
        )

    def unlabelled(self) -> Samples:
        """The same pictures with every label removed, so that no later stage can look at them."""
        return replace(
            self,
            label=self.label.map(lambda x: torch.full_like(x, torch.nan)),
            label_kind=("none",) * len(self),
            keypoints_2d=torch.zeros_like(self.keypoints_2d),
        )

    def pictures(self) -> Tensor:
        """(n, 3, s, s) float32 in [0, 1]."""
        return self.rgb.float() / 255

    @staticmethod
    def cat(parts: list[Samples]) -> Samples:
        return Samples(
            key=tuple(k for p in parts for k in p.key),
            rgb=torch.cat([p.rgb for p in parts]),
            K=torch.cat([p.K for p in parts]),
            label=BodyParams.cat([p.label for p in parts]),
            label_kind=tuple(k for p in parts for k in p.label_kind),
            keypoints_2d=torch.cat([p.keypoints_2d for p in parts]),
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
    except (zipfile.BadZipFile, EOFError, OSError) as error:
        raise ValueError(f"{path}: could not be read as .npz ({error}); it may be truncated") from None
    except ValueError as error:
        raise ValueError(f"{path}: refused ({error}); objects in .npz files could run code") from None


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    with write_atomically(path) as partial, partial.open("wb") as stream:
        np.savez(stream, **arrays)  # pyright: ignore[reportArgumentType]


def save_samples(folder: Path, samples: Samples) -> None:
    """``pictures.npy`` (n, s, s, 3) uint8 and ``labels.npz`` in ``folder``."""
    with write_atomically(folder / "pictures.npy") as partial, partial.open("wb") as stream:
        np.save(stream, samples.rgb.permute(0, 2, 3, 1).contiguous().numpy())
    write_arrays(
        folder / "labels.npz",
        {
            **body_params_arrays(samples.label),
            "K": samples.K.numpy().astype(np.float32),
            "key": np.array(samples.key, dtype=np.str_),
            "label_kind": np.array(samples.label_kind, dtype=np.str_),
            "keypoints_2d": samples.keypoints_2d.numpy().astype(np.float32),
        },
    )


def load_samples(folder: Path) -> Samples:
    """Raises ValueError naming what is missing or broken."""
    arrays = read_arrays(folder / "labels.npz")
    try:
        pictures = np.load(folder / "pictures.npy", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"{folder / 'pictures.npy'}: expected pictures (n, s, s, 3) uint8: {error}") from None
    missing = {"global_orient", "body_pose", "betas", "t_cam_root", "K", "key", "label_kind", "keypoints_2d"} - set(
        arrays
    )
    if missing:
        raise ValueError(
            f"{folder / 'labels.npz'}: arrays {sorted(missing)} are missing; make the set with `adhmr synth`"
        )
    return Samples(
        key=tuple(str(k) for k in arrays["key"]),
        rgb=torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous(),
        K=torch.from_numpy(arrays["K"]),
        label=body_params_from_arrays(arrays),
        label_kind=tuple(str(k) for k in arrays["label_kind"]),
        keypoints_2d=torch.from_numpy(arrays["keypoints_2d"]),
    )


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
