"""Files .npz with an array for each quantity and a row for each person: 4D-Humans, BEDLAM, CameraHMR.

They have no translation, or one in the camera's frame. Where there is none the body is placed by its 2D keypoints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from data_cleaning.files.label_file import ParameterModel, copy_whole
from data_cleaning.files.npz import member_names, rewrite_npz, rows_of, shape_of
from hmr.camera import default_K
from hmr.formats.from_keypoints import SMPLX_22, SPIN_44, ours, placed, translation_from_pixels
from hmr.formats.object_npz import read_object_npz
from hmr.formats.person_candidate import BY_KEYPOINTS, ROW_ERRORS, PersonCandidate, Unreadable, reason_of
from hmr.formats.smpl_parameters import keypoints_of_parameters
from hmr.photographs.folder import PictureSource, pinhole
from hmr.skeleton import NUM_KEYPOINTS

_HMR2_FOCAL = 5000.0 / 256.0
_SOFT = ("has_body_pose", "has_betas")
_EVERY_ROW = {
    "imgname", "center", "scale", "body_pose", "betas", "pose_cam", "pose_world", "pose", "shape", "trans_cam", "trans_world",
    "cam_int", "cam_ext", "gtkps", "body_keypoints_2d", "body_keypoints_3d", "extra_keypoints_2d", "extra_keypoints_3d", *_SOFT,
}  # fmt: skip

Row = dict[str, np.ndarray]


def _all_known() -> torch.Tensor:
    return torch.ones(NUM_KEYPOINTS, dtype=torch.bool)


def _of_pose(pose: np.ndarray, betas: np.ndarray, t: np.ndarray, body: ParameterModel) -> torch.Tensor:
    """Axis-angle with the root first (72 of SMPL, or 165 of SMPL-X, of which the body's 21 count) to keypoints (29, 3)."""
    flat = np.asarray(pose, dtype=np.float32).reshape(-1)
    inner = flat[3:72] if len(flat) == 72 else flat[3:66]
    return keypoints_of_parameters(flat[:3], inner, betas, t, body.model)


def placed_by_pixels(points: torch.Tensor, values: np.ndarray, names: dict[int, str], K: torch.Tensor) -> torch.Tensor:
    """Points (29, 3) moved to where 2D keypoints (k, 3) with a confidence see them."""
    pixels, known = ours(values[:, :2], names, values[:, 2] > 0)
    return points + translation_from_pixels(points[known], pixels[known], K)


def humans_4d(row: Row, image: str, where: str, photographs: PictureSource, body: ParameterModel) -> PersonCandidate:
    """4D-Humans: focal length 5000 / 256 of the longer side, principal point in the centre. Without the user's own model the
    2D and 3D keypoints of the row, where those are given."""
    w, h = photographs.size_wh(image)
    K = pinhole(_HMR2_FOCAL * max(w, h), (w / 2, h / 2))
    flat = np.concatenate([row["body_keypoints_2d"], row["extra_keypoints_2d"]])
    if not body.is_users_own and "body_keypoints_3d" in row:
        deep = np.concatenate([row["body_keypoints_3d"], row["extra_keypoints_3d"]])
        both = (flat[:, 2] > 0) & (deep[:, 3] > 0)
        pixels, known = ours(flat[:, :2], SPIN_44, both)
        if known[0] and int(known.sum()) >= 4:
            points = placed(pixels, ours(deep[:, :3], SPIN_44, both)[0], known, K)
            return PersonCandidate(image, "label", where, points, known, K, BY_KEYPOINTS)
    if not float(np.ravel(row.get("has_body_pose", 1))[0]):
        raise ValueError("has no body (has_body_pose is 0) and too few 3D keypoints")
    points = placed_by_pixels(_of_pose(row["body_pose"], row["betas"], np.zeros(3), body), flat, SPIN_44, K)
    return PersonCandidate(image, "label", where, points, _all_known(), K, body.by)


def is_stored_turned(size_wh: tuple[int, int], K: torch.Tensor) -> bool:
    """Is the camera's principal point the centre of the picture with its sides exchanged, rather than of the one in the file?"""
    w, h = size_wh
    u, v = (2 * K[:2, 2]).tolist()
    return abs(u - h) + abs(v - w) < abs(u - w) + abs(v - h)


def bedlam(row: Row, image: str, where: str, photographs: PictureSource, body: ParameterModel) -> PersonCandidate:
    """BEDLAM: pose_cam, shape, and transl = cam_ext's + trans_cam, under cam_int. Close-ups are upright in the labels, and lie
    turned in their files."""
    t = np.asarray(row["cam_ext"], dtype=np.float64)[:3, 3] + np.asarray(row["trans_cam"], dtype=np.float64)
    points = _of_pose(row["pose_cam"], row["shape"], t, body)
    K = torch.from_numpy(np.asarray(row["cam_int"], dtype=np.float32))
    turned = is_stored_turned(photographs.size_wh(image), K)
    return PersonCandidate(image, "label", where, points, _all_known(), K, body.by, turned)


def camera_hmr(row: Row, image: str, where: str, photographs: PictureSource, body: ParameterModel) -> PersonCandidate:
    """CameraHMR: pose_cam (or pose) and shape under cam_int (else the diagonal), placed by the first 22 of gtkps."""
    if "cam_int" in row:
        K = torch.from_numpy(np.asarray(row["cam_int"], dtype=np.float32))
    else:
        K = default_K(*photographs.size_wh(image))
    seen = np.asarray(row["gtkps"], dtype=np.float32)[:, :3]
    seen = seen if seen.shape[1] == 3 else np.concatenate([seen, np.ones((len(seen), 1), dtype=np.float32)], 1)
    pose = row["pose_cam"] if "pose_cam" in row else row["pose"]
    points = placed_by_pixels(_of_pose(pose, row["shape"], np.zeros(3), body), seen, SMPLX_22, K)
    return PersonCandidate(image, "label", where, points, _all_known(), K, body.by)


Reader = Callable[[Row, str, str, PictureSource, ParameterModel], PersonCandidate]


def kind_of(names: set[str]) -> tuple[str, Reader] | None:
    """The format with these members, or None."""
    if "imgname" not in names:
        return None
    if {"pose_cam", "cam_ext", "trans_cam"} <= names:
        return "BEDLAM", bedlam
    if {"body_keypoints_2d", "extra_keypoints_2d", "body_pose"} <= names:
        return "4D-Humans", humans_4d
    if "shape" in names and names & {"pose_cam", "pose"} and "gtkps" in names:
        return "CameraHMR", camera_hmr
    return None


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

    def bodies(
        self, start: int, stop: int, photographs: PictureSource, body: ParameterModel
    ) -> Iterator[PersonCandidate | Unreadable]:
        every_row = self._per_row(list(self._content))
        for i in range(start, stop):
            where = f"{self.path}, row {i}"
            row = {n: self._content[n][i] for n in every_row}
            try:
                image = photographs.named(str(row["imgname"]))
                yield self.reader(row, image, where, photographs, body)
            except ROW_ERRORS as error:
                yield Unreadable(where, reason_of(error))
