"""Views with labels, in a folder: what every stage reads and writes between files."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hmr.body import BodyModel, BodyParams, give_body, has_betas_of, smpl_of, smplx_of
from hmr.body_codec import arrays_of_bodies, bodies_of_arrays, read_arrays, write_arrays
from hmr.camera import Camera
from hmr.files import write_atomically
from hmr.pictures import Pictures, StoredPictures
from hmr.skeleton import SMPL
from hmr.skeleton_smplx import PART_NAMES, SMPLX
from hmr.views import Prompts, Views

LABEL_KINDS = ("mocap", "synthetic", "pseudo")
LABELS_FILE, PICTURES_FILE = "labels.npz", "pictures.npy"
_OLD_HANDS_FILE = "expressive_labels.npz"
#: Pictures are written so many bytes at a time.
_BYTES_AT_ONCE = 1 << 24


@dataclass(frozen=True, kw_only=True)
class Samples(Views):
    """Views with a body for each.

    Attributes:
        label: n bodies of one skeleton, in the camera frame.
        label_kind: one of LABEL_KINDS for each.
        keypoints_2d: (n, k, 3) of the skeleton: x, y in the crop's pixels and a confidence in [0, 1] (0: outside or hidden by
            something).
        part_known: (n, 4) bool, whose label is to be believed, in PART_NAMES' order; a part that is not known is never learnt
            from. None: all of it.
        body: family of the body model that the labels are of (``BodyModel.family``); "": nobody said.
    """

    label: BodyParams
    label_kind: tuple[str, ...]
    keypoints_2d: Tensor
    part_known: Tensor | None = None
    body: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        n, keypoints = len(self), self.label.skeleton.num_keypoints
        if unknown := set(self.label_kind) - set(LABEL_KINDS):
            raise ValueError(f"Samples.label_kind: expected one of {LABEL_KINDS}, got {sorted(unknown)}")
        if tuple(self.label.batch_shape) != (n,):
            raise ValueError(f"Samples.label: expected {n} bodies, got {tuple(self.label.batch_shape)}")
        if tuple(self.keypoints_2d.shape) != (n, keypoints, 3):
            raise ValueError(
                f"Samples.keypoints_2d: expected ({n}, {keypoints}, 3), got {tuple(self.keypoints_2d.shape)}"
            )
        if self.part_known is not None and tuple(self.part_known.shape) != (n, len(PART_NAMES)):
            raise ValueError(f"Samples.part_known: expected ({n}, 4), got {tuple(self.part_known.shape)}")

    @classmethod
    def of(
        cls, views: Views, label: BodyParams, kind: str, keypoints_2d: Tensor | None = None, body: str = ""
    ) -> Samples:
        """Views and their bodies, all of one kind and of the body model ``body``; without 2D keypoints none are known."""
        n = len(views)
        if keypoints_2d is None:
            keypoints_2d = torch.zeros(n, label.skeleton.num_keypoints, 3)
        return cls(**_fields_of(views), label=label, label_kind=(kind,) * n, keypoints_2d=keypoints_2d, body=body)

    def unlabelled(self) -> Views:
        """The pictures alone, so that no later stage can look at labels."""
        return Views(**_fields_of(self))

    def known_parts(self) -> Tensor:
        """(n, 4) bool, in PART_NAMES' order."""
        if self.part_known is not None:
            return self.part_known
        return torch.ones(len(self), len(PART_NAMES), dtype=torch.bool)

    def with_smpl_joints(self) -> Samples:
        """With SMPL's 24 joints, for the scorer and the generator; of a body with hands 2D keypoints are left out."""
        return self if self.label.skeleton is SMPL else self._relabelled(smpl_of(self.label), None)

    def with_smplx_joints(self) -> Samples:
        """With SMPL-X's 55 joints; of hands and face labels of SMPL know nothing."""
        if self.label.skeleton is SMPLX:
            return self
        return self._relabelled(smplx_of(self.label), torch.tensor([name == "body" for name in PART_NAMES]))

    def _relabelled(self, label: BodyParams, known: Tensor | None) -> Samples:
        keypoints = torch.zeros(len(self), label.skeleton.num_keypoints, 3)
        known = None if known is None else known.repeat(len(self), 1)
        return Samples(
            **_fields_of(self), label=label, label_kind=self.label_kind, keypoints_2d=keypoints, part_known=known,
            body=self.body,
        )  # fmt: skip


def _fields_of(views: Views) -> dict[str, Any]:
    """Those of ``Views``."""
    return {field.name: getattr(views, field.name) for field in fields(Views)}


def _view_arrays(views: Views) -> dict[str, np.ndarray]:
    """What a file holds of views beside their pictures. K is the crop's, for those who read the file with other tools."""
    out = {
        "key": np.array(views.key, dtype=np.str_),
        "K": views.K.numpy().astype(np.float32),
        "K_picture": views.camera.K.numpy().astype(np.float32),
        "picture_wh": views.camera.size_wh.numpy().astype(np.int32),
        "A_view_picture": views.A_view_picture.numpy().astype(np.float32),
    }
    if views.camera.T_cam_world is not None:
        out["T_cam_world"] = views.camera.T_cam_world.numpy().astype(np.float32)
    if views.prompts is not None:
        out["prompt_keypoints_px"] = views.prompts.keypoints_px.numpy().astype(np.float32)
        if views.prompts.mask is not None:
            out["prompt_mask"] = views.prompts.mask.numpy()
    return out


def _views_of(arrays: dict[str, np.ndarray], rgb: Pictures, where: Path) -> Views:
    """Inverse of ``_view_arrays``; files of version 0.1 have K alone."""
    if missing := {"key", "K"} - set(arrays):
        raise ValueError(f"{where}: arrays {sorted(missing)} are missing; make the set with `adhmr synth`")
    key = tuple(str(k) for k in arrays["key"])
    if "K_picture" not in arrays:
        return Views.whole(key, rgb, torch.from_numpy(arrays["K"]))
    T = torch.from_numpy(arrays["T_cam_world"]) if "T_cam_world" in arrays else None
    camera = Camera(torch.from_numpy(arrays["K_picture"]), torch.from_numpy(arrays["picture_wh"]).long(), T)
    said = None
    if "prompt_keypoints_px" in arrays:
        mask = torch.from_numpy(arrays["prompt_mask"]) if "prompt_mask" in arrays else None
        said = Prompts(torch.from_numpy(arrays["prompt_keypoints_px"]), mask)
    return Views(key, rgb, camera, torch.from_numpy(arrays["A_view_picture"]), said)


def save_views(folder: Path, views: Views) -> None:
    """``pictures.npy`` (n, s, s, 3) uint8 and ``labels.npz``, which has no labels then."""
    write_pictures(folder, views.rgb)
    write_arrays(folder / LABELS_FILE, _view_arrays(views))


def save_samples(folder: Path, samples: Samples) -> None:
    """``pictures.npy`` (n, s, s, 3) uint8 and ``labels.npz`` in ``folder``."""
    write_pictures(folder, samples.rgb)
    known = {} if samples.part_known is None else {"part_known": samples.part_known.numpy()}
    labels = {
        "label_kind": np.array(samples.label_kind, dtype=np.str_),
        "keypoints_2d": samples.keypoints_2d.numpy().astype(np.float32),
        "body": np.array(samples.body),
    }
    write_arrays(folder / LABELS_FILE, {**arrays_of_bodies(samples.label), **_view_arrays(samples), **labels, **known})


def labels_file(folder: Path) -> Path:
    """Where a folder's labels are; sets with hands of version 0.1 have another name."""
    old = folder / _OLD_HANDS_FILE
    return old if old.exists() and not (folder / LABELS_FILE).exists() else folder / LABELS_FILE


def load_views(folder: Path) -> Views:
    """The pictures of a folder, labelled or not; labels are not looked at. Raises ValueError naming what is wrong."""
    path = labels_file(folder)
    return _views_of(read_arrays(path), read_pictures(folder), path)


def load_samples(folder: Path) -> Samples:
    """Raises ValueError naming what is missing or broken, or that pictures have no labels."""
    path = labels_file(folder)
    arrays = read_arrays(path)
    views = _views_of(arrays, read_pictures(folder), path)
    kinds = [str(kind) for kind in arrays.get("label_kind", ())]
    if "global_orient" not in arrays or "none" in kinds:
        raise ValueError(f"{path}: has pictures without labels; expected a label for each of the {len(views)} pictures")
    if missing := {"label_kind", "keypoints_2d"} - set(arrays):
        raise ValueError(f"{path}: arrays {sorted(missing)} are missing; make the set with `adhmr synth`")
    return Samples(
        **_fields_of(views),
        label=bodies_of_arrays(arrays, str(path)),
        label_kind=tuple(kinds),
        keypoints_2d=torch.from_numpy(arrays["keypoints_2d"]),
        part_known=torch.from_numpy(arrays["part_known"]) if "part_known" in arrays else None,
        body=str(arrays.get("body", "")),
    )


def load_views_or_samples(folder: Path) -> Views:
    """With labels where all pictures have one."""
    try:
        return load_samples(folder)
    except ValueError:
        return load_views(folder)


def check_labels(samples: Samples, model: BodyModel) -> None:
    """Raises ValueError when labels say that they are of another body than ``model``: their betas mean something else there."""
    if not has_betas_of(model, samples.body):
        raise ValueError(
            f"the labels are of the body '{samples.body}', the body model is '{model.family}'; {give_body(samples.body)}"
        )


def load_all_samples(folders: list[Path]) -> Samples:
    """Several sets as one. Raises ValueError when there is none, or their bodies or sizes differ."""
    if not folders:
        raise ValueError("expected at least one folder of labelled pictures, got none")
    parts = [load_samples(folder) for folder in folders]
    for folder, part in zip(folders, parts, strict=True):
        if part.label.skeleton is not parts[0].label.skeleton:
            raise ValueError(
                f"{folder}: its labels have {part.label.skeleton.num_joints} joints, those of {folders[0]} have "
                f"{parts[0].label.skeleton.num_joints}; give sets of one kind"
            )
        if part.size != parts[0].size:
            raise ValueError(f"{folder}: its pictures are {part.size} px, those of {folders[0]} are {parts[0].size} px")
    return Samples.cat(parts)


def write_pictures(folder: Path, rgb: Pictures) -> None:
    """(n, 3, s, s) uint8 to ``pictures.npy`` (n, s, s, 3), some at a time."""
    n, _, height, width = rgb.shape
    with write_atomically(folder / PICTURES_FILE) as partial, partial.open("wb") as stream:
        header = {"descr": "|u1", "fortran_order": False, "shape": (n, height, width, 3)}
        np.lib.format.write_array_header_1_0(stream, header)
        at_once = max(_BYTES_AT_ONCE // (3 * height * width), 1)
        for start in range(0, n, at_once):
            stream.write(rgb[start : start + at_once].permute(0, 2, 3, 1).contiguous().numpy().tobytes())


def read_pictures(folder: Path) -> StoredPictures:
    """Inverse of ``write_pictures``: rows are read when they are taken.

    Raises ValueError naming the file when it is missing or broken.
    """
    path = folder / PICTURES_FILE
    try:
        # Copy on write: nothing reaches the file, and torch does not warn of memory that may not be written.
        pictures = np.load(path, allow_pickle=False, mmap_mode="c")
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"{path}: expected pictures (n, s, s, 3) uint8: {error}") from None
    if pictures.ndim != 4 or pictures.shape[-1] != 3 or pictures.dtype != np.uint8:
        raise ValueError(f"{path}: expected pictures (n, s, s, 3) uint8, got {pictures.shape} {pictures.dtype}")
    return StoredPictures.of(torch.from_numpy(pictures).permute(0, 3, 1, 2))
