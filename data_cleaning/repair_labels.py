"""Repair the parameters of other people's files: a parquet for each unit of work, and then the files anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import roma
import torch
from torch import Tensor

from data_cleaning.config import RepairConfig
from data_cleaning.decode import LastPicture
from data_cleaning.repair import PosePrior, repair
from data_cleaning.units import Unit
from hmr.body import BodyModel, BodyParams
from hmr.camera import project
from hmr.files import write_atomically
from hmr.formats.labelled_body import LabelledBody
from hmr.formats.labels.label_file import LabelFile, RepairableFile
from hmr.formats.person_candidate import Unreadable, reason_of
from hmr.photographs.folder import PictureSource
from hmr.photographs.people import Person, crops
from hmr.samples import Samples
from hmr.skeleton import KEYPOINT_NAMES, NUM_JOINTS
from scorer.protocol import AnyScorer

_F = pa.float32()
SCHEMA = pa.schema(
    [
        ("key", pa.string()), ("row", pa.string()), ("problem", pa.string()), ("changed", pa.bool_()),
        ("off_before_px", _F), ("off_after_px", _F),
        ("pose", pa.list_(_F, 3 * NUM_JOINTS)), ("betas", pa.list_(_F, 10)), ("t_cam_root", pa.list_(_F, 3)),
    ]
)  # fmt: skip
#: What a person reads of it.
SHOWN = ("key", "row", "problem", "changed", "off_before_px", "off_after_px")


@dataclass(frozen=True)
class Repairer:
    """model: the user's own, which the parameters are of."""

    scorer: AnyScorer
    model: BodyModel
    prior: PosePrior | None
    config: RepairConfig

    def __call__(self, unit: Unit, file: LabelFile, rows: list[str], source: PictureSource) -> pa.Table:
        """A row for every label of the unit; one that cannot be repaired says why, and the others go on.

        Raises ValueError for a format whose parameters are not written.
        """
        repairable = as_repairable(file)
        names = rows[unit.start : unit.stop]
        table: list[dict[str, Any]] = [
            {**dict.fromkeys(SCHEMA.names), "key": unit.key(name), "row": name, "problem": "", "changed": False}
            for name in names
        ]
        last, size = LastPicture(source), self.scorer.crop_size
        joints = 21 if repairable.parameters_of() == "smplx" else NUM_JOINTS - 1
        found: list[tuple[int, LabelledBody, Samples]] = []
        labels = repairable.labelled(unit.start, unit.stop, last, self.model)
        for i, (row, label) in enumerate(zip(table, labels, strict=True)):
            try:
                if isinstance(label, Unreadable):
                    raise ValueError(label.reason)
                fitted = label if joints == NUM_JOINTS - 1 else without_finger_tips(label)
                found.append((i, fitted, crop_of(fitted, row["key"], last, self.model, size)))
            except MemoryError:
                raise
            except Exception as error:  # whatever is wrong with one row, the others go on
                row["problem"] = reason_of(error)
        if found:
            place, labels, samples = zip(*found, strict=True)
            for i, said in zip(place, self._fitted(list(labels), Samples.cat(list(samples)), joints), strict=True):
                table[i] |= said
        return pa.Table.from_pylist(table, schema=SCHEMA)

    def _fitted(self, labels: list[LabelledBody], samples: Samples, joints: int) -> list[dict[str, object]]:
        repaired, better = repair(samples, self.scorer, self.model, self.prior, self.config, joints)
        before, after = (
            [off_px(label, s.label[i], self.model) for i, label in enumerate(labels)] for s in (samples, repaired)
        )
        new = repaired.label
        R = torch.cat([new.R_cam_root[:, None], new.R_parent_joint], 1)
        return [
            {
                "changed": bool(better[i]), "off_before_px": before[i], "off_after_px": after[i],
                "pose": roma.rotmat_to_rotvec(R[i]).flatten().tolist(), "betas": new.shape[i].tolist(),
                "t_cam_root": new.t_cam_root[i].tolist(),
            }
            for i in range(len(labels))
        ]  # fmt: skip


def as_repairable(file: LabelFile) -> RepairableFile:
    """Raises ValueError for a format whose parameters are not written."""
    if not isinstance(file, RepairableFile):
        raise ValueError(
            f"{file.path}: parameters of {file.format_name} are not written; those of HumanData, 4D-Humans and CameraHMR .npz "
            "are, and our own folders'"
        )
    return file


def without_finger_tips(label: LabelledBody) -> LabelledBody:
    """Of SMPL-X, whose hands are at rest in our model of the body: a wrist would be bent to reach the tip of a curled finger."""
    seen = label.keypoints_2d.clone()
    seen[[KEYPOINT_NAMES.index(f"{side}_middle_tip") for side in ("left", "right")]] = 0
    return replace(label, keypoints_2d=seen)


def crop_of(
    label: LabelledBody, key: str, source: PictureSource, model: BodyModel, size: int, enlarge: float = 1.2
) -> Samples:
    """One picture around body and keypoints, with the label and the camera that it has there. Raises ValueError where there is
    none."""
    x0, y0, x1, y1 = label.box_xyxy(model).tolist()
    view = crops(source.read(label.image), [Person(key, (x0, y0, x1, y1))], size, label.K, enlarge)
    A = view.A_view_picture[0]
    seen = label.keypoints_2d.clone()
    seen[:, :2] = label.keypoints_2d[:, :2] @ A[:2, :2].T + A[:2, 2]
    seen[seen[:, 2] == 0] = 0
    return Samples.of(view, label.params.map(lambda x: x[None]), "pseudo", seen[None], model.family)


def off_px(label: LabelledBody, params: BodyParams, model: BodyModel) -> float:
    """Mean distance of a body's keypoints to those that were seen, in pixels of the photograph."""
    seen = label.keypoints_2d[:, 2] > 0
    off = project(model.keypoints(params), label.K)[seen] - label.keypoints_2d[seen, :2]
    return float(off.norm(dim=-1).mean())


def write_repairs(folder: Path, unit: Unit, table: pa.Table, made_by: Mapping[str, str]) -> None:
    about = {**made_by, "file": unit.file_id}
    with write_atomically(folder / unit.output_name) as partial:
        pq.write_table(table.replace_schema_metadata(about), partial, compression="zstd")


def is_repaired(folder: Path, unit: Unit, made_by: Mapping[str, str]) -> bool:
    """Is this unit's output there? Raises ValueError when it is, but made by other options or of another file."""
    path = folder / unit.output_name
    if not path.exists():
        return False
    found = pq.read_metadata(path)
    about = {key.decode(): value.decode() for key, value in (found.metadata or {}).items()}
    wanted = {**made_by, "file": unit.file_id}
    if any(about.get(key) != value for key, value in wanted.items()) or found.num_rows != unit.stop - unit.start:
        raise ValueError(f"{path}: was made with other options, or of a file that changed since; choose another --out")
    return True


def changed_bodies(tables: list[pa.Table]) -> tuple[np.ndarray, BodyParams]:
    """Of a file's units, in order, the rows (m,) of labels that changed, and what they became [m]."""
    table = pa.concat_tables(tables)
    rows = np.flatnonzero(table["changed"].to_numpy())
    taken = table.take(rows)

    def column(name: str, width: int) -> Tensor:
        return torch.tensor(taken[name].to_pylist(), dtype=torch.float32).view(len(rows), width)

    R = roma.rotvec_to_rotmat(column("pose", 3 * NUM_JOINTS).unflatten(1, (NUM_JOINTS, 3)))
    return rows, BodyParams(R[:, 0], R[:, 1:], column("betas", 10), column("t_cam_root", 3))
