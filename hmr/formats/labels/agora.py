"""AGORA's annotations, a pickled table: read, never written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hmr.camera import project
from hmr.formats.labels.label_file import ParameterModel
from hmr.formats.person_candidate import BY_KEYPOINTS, ROW_ERRORS, PersonCandidate, Unreadable, reason_of
from hmr.photographs.folder import PictureSource, pinhole
from hmr.skeleton import NUM_KEYPOINTS
from hmr.untrusted.pandas_pickle import read_frame

WIDTH, HEIGHT = 3840, 2160
"""Pixels that ``gt_joints_2d`` are in; the published pictures also come smaller."""
BODY_JOINTS = 22
"""The first joints of SMPL and SMPL-X, which are the same."""


def focal_px(points_cam: Tensor, pixels: Tensor, most_px: float = 20.0) -> float:
    """The focal length under which points (n, 3) fall on pixels (n, 2) of a picture of WIDTH x HEIGHT, by least squares.

    Raises ValueError when none does, to ``most_px`` on average.
    """
    at_unit_focal = project(points_cam, torch.eye(3))
    offset = pixels - torch.tensor([WIDTH / 2, HEIGHT / 2])
    focal = float((at_unit_focal * offset).sum() / at_unit_focal.square().sum())
    off = float((focal * at_unit_focal - offset).norm(dim=-1).mean())
    if not off < most_px:
        raise ValueError(f"gt_joints_2d are not the projections of gt_joints_3d: {off:.0f} px off on average")
    return focal


def named_in_either_size(name: str, photographs: PictureSource) -> str:
    """The smaller pictures have _1280x720 behind the name that the table has. Raises ValueError where there is neither."""
    try:
        return photographs.named(name)
    except ValueError:
        stem, dot, suffix = name.rpartition(".")
        return photographs.named(f"{stem}_1280x720{dot}{suffix}")


@dataclass
class AgoraFile:
    """imgPath, gt_joints_2d and gt_joints_3d (camera frame, metres), isValid; a row is a photograph of several people."""

    path: Path
    format_name: str = "AGORA"

    @cached_property
    def _table(self) -> dict[str, np.ndarray]:
        table = read_frame(self.path)
        if missing := {"imgPath", "gt_joints_2d", "gt_joints_3d"} - set(table):
            raise ValueError(f"{self.path}: expected AGORA's table, {sorted(missing)} are missing")
        return table

    @property
    def rows(self) -> tuple[str, ...]:
        """ROW/PERSON."""
        return tuple(f"{r}/{p}" for r, people in enumerate(self._table["gt_joints_2d"]) for p in range(len(people)))

    def write(self, keep: np.ndarray, out: Path) -> None:
        del keep, out
        raise ValueError(f"{self.path}: AGORA's tables are read only; the verdicts are in scores.parquet")

    def bodies(
        self, start: int, stop: int, photographs: PictureSource, body: ParameterModel
    ) -> Iterator[PersonCandidate | Unreadable]:
        del body  # its joints are in the file
        for name in self.rows[start:stop]:
            row, person = (int(v) for v in name.split("/"))
            where = f"{self.path}, row {row}, person {person}"
            try:
                yield self._person(row, person, where, photographs)
            except ROW_ERRORS as error:
                yield Unreadable(where, reason_of(error))

    def _person(self, row: int, person: int, where: str, photographs: PictureSource) -> PersonCandidate:
        table = self._table
        if "isValid" in table and not table["isValid"][row][person]:
            raise ValueError("its label is not valid (isValid is 0)")
        image = named_in_either_size(str(table["imgPath"][row]), photographs)
        joints = torch.from_numpy(np.asarray(table["gt_joints_3d"][row][person], dtype=np.float32))[:BODY_JOINTS]
        pixels = torch.from_numpy(np.asarray(table["gt_joints_2d"][row][person], dtype=np.float32))[:BODY_JOINTS, :2]
        points, known = torch.zeros(NUM_KEYPOINTS, 3), torch.zeros(NUM_KEYPOINTS, dtype=torch.bool)
        points[:BODY_JOINTS], known[:BODY_JOINTS] = joints, True
        width, height = photographs.size_wh(image)
        K = pinhole(focal_px(joints, pixels) * width / WIDTH, (width / 2, height / 2))
        return PersonCandidate(image, "label", where, points, known, K, BY_KEYPOINTS)
