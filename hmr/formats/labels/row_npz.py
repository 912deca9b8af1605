"""Files .npz with an array for each quantity and a row for each person: 4D-Humans, BEDLAM, CameraHMR."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import roma
import torch

from hmr.body import BodyModel, BodyParams
from hmr.formats.labelled_body import LabelledBody
from hmr.formats.labels.label_file import ParameterModel, copy_whole
from hmr.formats.labels.npz import member_names, rewrite_npz, rows_of, shape_of, with_rows
from hmr.formats.labels.row_readers import FITTABLE, Fittable, Reader, joints_of_pose, text_of
from hmr.formats.person_candidate import ROW_ERRORS, PersonCandidate, Unreadable, reason_of
from hmr.formats.smpl_parameters import transl_of
from hmr.photographs.folder import PictureSource
from hmr.untrusted.object_npz import read_object_npz

_SOFT = ("has_body_pose", "has_betas")
_EVERY_ROW = {
    "imgname", "center", "scale", "body_pose", "betas", "pose_cam", "pose_world", "pose", "shape", "trans_cam", "trans_world",
    "cam_int", "cam_ext", "gtkps", "body_keypoints_2d", "body_keypoints_3d", "extra_keypoints_2d", "extra_keypoints_3d", *_SOFT,
}  # fmt: skip


@dataclass
class RowNpzFile:
    path: Path
    format_name: str
    reader: Reader

    @cached_property
    def _count(self) -> int:
        """Raises ValueError when arrays have different lengths."""
        lengths = {n: shape_of(self.path, n)[0] for n in member_names(self.path) if n in _EVERY_ROW}
        if wrong := {n: length for n, length in lengths.items() if length != lengths["imgname"]}:
            raise ValueError(f"{self.path}: imgname has {lengths['imgname']} rows, but {wrong}")
        return lengths["imgname"]

    @property
    def rows(self) -> tuple[str, ...]:
        return tuple(str(i) for i in range(self._count))

    def _per_row(self, names: list[str]) -> list[str]:
        return [n for n in names if n in _EVERY_ROW or shape_of(self.path, n)[:1] == (self._count,)]

    def write(self, keep: np.ndarray, out: Path) -> None:
        if keep.all():
            return copy_whole(self.path, out)
        changes = {n: lambda array: rows_of(array, keep) for n in self._per_row(member_names(self.path))}
        return rewrite_npz(self.path, out, changes)

    def write_soft(self, keep: np.ndarray, out: Path) -> None:
        """The format's own filter: every row stays, has_body_pose and has_betas are 0 where it is dropped.

        Raises ValueError when the file has no such arrays.
        """
        soft = [n for n in member_names(self.path) if n in _SOFT]
        if not soft:
            raise ValueError(f"{self.path}: {self.format_name} has no has_body_pose to switch off")

        def switched_off(array: np.ndarray) -> np.ndarray:
            return np.where(keep.reshape(-1, *[1] * (array.ndim - 1)), array, array.dtype.type(0))

        rewrite_npz(self.path, out, dict.fromkeys(soft, switched_off))

    @cached_property
    def _content(self) -> dict[str, Any]:
        return read_object_npz(self.path)

    @property
    def _fittable(self) -> Fittable:
        """Raises ValueError for a format whose labels are exact."""
        if self.format_name not in FITTABLE:
            raise ValueError(
                f"{self.path}: is read as {self.format_name}, whose labels are exact; there is nothing to repair"
            )
        return FITTABLE[self.format_name]

    def parameters_of(self) -> str:
        names = member_names(self.path)
        if "cam_ext" in names and "trans_cam" not in names:
            raise ValueError(
                f"{self.path}: bodies' places are in cam_ext, which is not written; there must be a trans_cam"
            )
        numbers = np.prod(shape_of(self.path, self._fittable.pose_name(names))[1:], dtype=int)
        return "smpl" if joints_of_pose(int(numbers)) == 23 else "smplx"

    def labelled(
        self, start: int, stop: int, photographs: PictureSource, model: BodyModel
    ) -> Iterator[LabelledBody | Unreadable]:
        every_row, fittable = self._per_row(list(self._content)), self._fittable
        for i in range(start, stop):
            where = f"{self.path}, row {i}"
            row = {n: self._content[n][i] for n in every_row}
            try:
                yield fittable.labelled(row, photographs.named(text_of(row["imgname"])), where, photographs, model)
            except ROW_ERRORS as error:
                yield Unreadable(where, reason_of(error))

    def write_bodies(self, rows: np.ndarray, params: BodyParams, model: BodyModel, out: Path) -> None:
        """The place is written where the file has one, as trans_cam (under cam_ext)."""
        pose = self._fittable.pose_name(member_names(self.path))
        joints = 23 if self.parameters_of() == "smpl" else 21
        R = torch.cat([params.R_cam_root[:, None], params.R_parent_joint[:, :joints]], 1)
        new = {pose: roma.rotmat_to_rotvec(R).flatten(1).numpy(), self._fittable.betas: params.shape.numpy()}
        if "trans_cam" in member_names(self.path):
            transl = transl_of(params, model, joints).numpy()
            new["trans_cam"] = transl - (self._content["cam_ext"][rows, :3, 3] if "cam_ext" in self._content else 0)
        changes = {
            name: lambda array, name=name: with_rows(array, rows, new[name], self._count, f"{self.path}: {name}")
            for name in new
        }
        rewrite_npz(self.path, out, changes)

    def bodies(
        self, start: int, stop: int, photographs: PictureSource, body: ParameterModel
    ) -> Iterator[PersonCandidate | Unreadable]:
        every_row = self._per_row(list(self._content))
        for i in range(start, stop):
            where = f"{self.path}, row {i}"
            row = {n: self._content[n][i] for n in every_row}
            try:
                image = photographs.named(text_of(row["imgname"]))
                yield self.reader(row, image, where, photographs, body)
            except ROW_ERRORS as error:
                yield Unreadable(where, reason_of(error))
