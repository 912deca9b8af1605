"""HumanData .npz (mmhuman3d; SMPLer-X's and ADHMR's training labels)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from hmr.body import BodyModel, BodyParams
from hmr.files import write_atomically
from hmr.formats.human_data import HumanDataRows
from hmr.formats.labelled_body import LabelledBody
from hmr.formats.labels.label_file import ParameterModel, copy_whole
from hmr.formats.labels.npz import boxed, member_names, read_member, rewrite_npz, rows_of, shape_of, with_rows
from hmr.formats.person_candidate import ROW_ERRORS, PersonCandidate, Unreadable, reason_of
from hmr.formats.smpl_parameters import body_joints, rotation_numbers, transl_of
from hmr.photographs.folder import PictureSource
from hmr.untrusted.object_npz import content_of, read_object_npz

_WHOLE = {"config", "misc"}
#: How many rows there are, in files of different age.
_LENGTHS = {"__data_len__", "__temporal_len__"}
_PARAMETERS = {"smpl", "smplx", "smplh", "flame", "mano"}


def _per_row(value: Any, count: int, name: str) -> bool:
    """Has this entry of a dictionary a value for each row? Two numbers of a focal length for all rows are none, nor ten betas."""
    if isinstance(value, list | tuple):
        return len(value) == count and not (name in ("focal_length", "principal_point") and count <= 2)
    if not isinstance(value, np.ndarray) or value.ndim == 0 or len(value) != count:
        return False
    return value.ndim > 1 or not (
        (name in ("focal_length", "principal_point") and count <= 2) or (name in ("betas", "transl", "global_orient"))
    )


def _dict_rows(content: dict[str, Any], keep: np.ndarray) -> dict[str, Any]:
    out = {}
    for name, value in content.items():
        if not _per_row(value, len(keep), name):
            out[name] = value
        elif isinstance(value, np.ndarray):
            out[name] = rows_of(value, keep)
        else:
            out[name] = type(value)(v for v, kept in zip(value, keep, strict=True) if kept)
    return out


#: Parts that can be masked, and their keypoints of HumanData's 190.
MASKED: dict[str, tuple[int, ...]] = {
    "left_hand": (*range(25, 40), *range(66, 71), 181, 188),
    "right_hand": (*range(40, 55), *range(71, 76), 182, 189),
    "left_foot": (10, 60, 61, 62, 172, 173, 174, 183),
    "right_foot": (11, 63, 64, 65, 175, 176, 177, 184),
}


def _without_box(bad: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    def change(boxes: np.ndarray) -> np.ndarray:
        boxes = boxes.copy(order="K")
        boxes[bad, 4] = 0
        return boxes

    return change


def _without_keypoints(bad_parts: list[tuple[str, ...]], stored: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """stored: which of the 190 a compressed file holds."""

    def change(keypoints: np.ndarray) -> np.ndarray:
        places = stored if keypoints.shape[1] == len(stored) else np.arange(keypoints.shape[1])
        keypoints = keypoints.copy(order="K")
        for row, parts in enumerate(bad_parts):
            for part in parts:
                keypoints[row, np.isin(places, MASKED[part]), -1] = 0
        return keypoints

    return change


@dataclass
class HumanDataFile:
    path: Path
    format_name: str = "HumanData"

    @staticmethod
    def recognises(names: set[str]) -> bool:
        return "image_path" in names and bool(names & (_PARAMETERS | {"bbox_xywh", "keypoints2d", "keypoints3d"}))

    @cached_property
    def _count(self) -> int:
        """Raises ValueError when arrays for each row have different lengths."""
        lengths = {"image_path": len(read_member(self.path, "image_path"))}
        for name in member_names(self.path):
            if name.startswith(("bbox", "face_bbox", "lhand_bbox", "rhand_bbox", "keypoints")):
                shape = shape_of(self.path, name)
                if len(shape) > 1:  # masks have one axis, names of conventions none
                    lengths[name] = shape[0]
        wrong = {name: n for name, n in lengths.items() if n != lengths["image_path"]}
        if wrong:
            raise ValueError(f"{self.path}: image_path has {lengths['image_path']} rows, but {wrong}")
        return lengths["image_path"]

    @property
    def rows(self) -> tuple[str, ...]:
        return tuple(str(i) for i in range(self._count))

    def _is_of_all_rows(self, name: str) -> bool:
        """A mask of which keypoints there are (one of each row has more axes), or an attribute of the file."""
        if name.endswith("_mask"):
            return len(shape_of(self.path, name)) < 2
        return name.startswith("__") and name not in _LENGTHS

    def _taken(self, name: str, keep: np.ndarray):
        def take(array: np.ndarray) -> np.ndarray:
            if name in _LENGTHS:
                return np.array(keep.sum(), dtype=array.dtype)
            content = content_of(array)
            if isinstance(content, dict):
                return boxed(_dict_rows(content, keep))
            if isinstance(content, list):
                return boxed([v for v, kept in zip(content, keep, strict=True) if kept])
            return rows_of(array, keep) if array.ndim and len(array) == len(keep) else array

        return take

    def write(self, keep: np.ndarray, out: Path) -> None:
        if keep.all():
            return copy_whole(self.path, out)
        whole = {n for n in member_names(self.path) if n in _WHOLE or self._is_of_all_rows(n)}
        changes = {n: self._taken(n, keep) for n in member_names(self.path) if n not in whole}
        return rewrite_npz(self.path, out, changes)

    def write_masked(self, keep: np.ndarray, bad_parts: list[tuple[str, ...]], out: Path) -> None:
        """As ``write``, and of the labels that are kept the bad hands and feet are marked as not given: the confidences of
        their keypoints and of a hand's box become 0. bad_parts: n, of MASKED."""
        kept = [parts for parts, k in zip(bad_parts, keep, strict=True) if k]
        with write_atomically(out) as partial:
            self.write(keep, partial)
            self._mask(kept, partial)

    def _mask(self, kept: list[tuple[str, ...]], out: Path) -> None:
        changes = {}
        for name in member_names(out):
            hand = {"lhand_bbox_xywh": "left_hand", "rhand_bbox_xywh": "right_hand"}.get(name)
            if hand is not None:
                changes[name] = _without_box(np.array([hand in parts for parts in kept], dtype=bool))
            elif name.startswith("keypoints") and not name.endswith("_mask") and len(shape_of(out, name)) > 1:
                mask = f"{name}_mask"
                stored = np.flatnonzero(read_member(out, mask)) if mask in member_names(out) else np.arange(190)
                changes[name] = _without_keypoints(kept, stored)
        rewrite_npz(out, out, changes)

    @cached_property
    def _content(self) -> HumanDataRows:
        return HumanDataRows(read_object_npz(self.path), str(self.path))

    def parameters_of(self) -> str:
        if self._content.parameters_of is None:
            raise ValueError(f"{self.path}: has neither smplx nor smpl; there are no parameters to repair")
        return self._content.parameters_of

    def labelled(
        self, start: int, stop: int, photographs: PictureSource, model: BodyModel
    ) -> Iterator[LabelledBody | Unreadable]:
        for row in range(start, stop):
            try:
                yield self._content.labelled(row, photographs, model)
            except ROW_ERRORS as error:
                yield Unreadable(f"{self.path}, row {row}", reason_of(error))

    def write_bodies(self, rows: np.ndarray, params: BodyParams, model: BodyModel, out: Path) -> None:
        member = self.parameters_of()

        def change(array: np.ndarray) -> np.ndarray:
            content = dict(content_of(array))
            root, pose, betas, transl = names = self._content.parameter_names
            stored = {name: np.asarray(content[name]) for name in names}
            joints = body_joints(stored[pose])
            new = {
                root: rotation_numbers(params.R_cam_root[:, None], stored[root]),
                pose: rotation_numbers(params.R_parent_joint[:, :joints], stored[pose]),
                betas: params.shape.numpy(),
                transl: transl_of(params, model, joints).numpy(),
            }
            where = f"{self.path}: {member}"
            return boxed(
                content | {k: with_rows(stored[k], rows, v, self._count, f"{where}.{k}") for k, v in new.items()}
            )

        rewrite_npz(self.path, out, {member: change})

    def bodies(
        self, start: int, stop: int, photographs: PictureSource, body: ParameterModel
    ) -> Iterator[PersonCandidate | Unreadable]:
        """By the user's own model, else by the keypoints in the file, else by parameters on the free body."""
        for row in range(start, stop):
            found = None if body.is_users_own else self._content.by_keypoints(row, "label", photographs)
            if found is None:
                found = self._content.by_parameters(row, "label", photographs, body.model)
                found = replace(found, by=body.by) if isinstance(found, PersonCandidate) else found
            yield found
