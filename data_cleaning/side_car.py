"""The scores beside the labels: a parquet for each unit of work, and reading them all together again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data_cleaning.decode import Decoded
from data_cleaning.rules import ScoredLabels
from data_cleaning.units import Unit
from hmr.files import write_own_atomically
from hmr.skeleton import NUM_KEYPOINTS
from scorer.scores import Scores

_F = pa.float32()
#: sha256 of what scores depend on: "scorer", and "body_model" where it is the user's own.
MadeBy = Mapping[str, str]
SCHEMA = pa.schema(
    [
        ("key", pa.string()), ("file", pa.string()), ("row", pa.string()), ("image", pa.string()), ("by", pa.string()),
        ("problem", pa.string()), ("inside_share", _F), ("fingerprint", pa.int64()), ("score", _F),
        ("expected_error_mm", _F), ("error_low_mm", _F), ("error_high_mm", _F), ("gross_probability", _F),
        ("swapped_gain", _F), ("displacement_mm", pa.list_(_F, NUM_KEYPOINTS)),
    ]
)  # fmt: skip


def unit_table(decoded: Decoded, scores: Scores | None, made_by: MadeBy) -> pa.Table:
    """A row for every label of the unit; NaN where there is no score."""
    n = len(decoded.rows)

    def spread(values: np.ndarray) -> np.ndarray:
        out = np.full((n, *values.shape[1:]), np.nan, dtype=np.float32)
        out[decoded.place] = values
        return out

    nothing = np.zeros((0, 2), dtype=np.float32)
    value = scores.value.numpy() if scores is not None else nothing
    displacement = scores.displacement_mm[:, 0].numpy() if scores is not None else np.zeros((0, NUM_KEYPOINTS))
    plain = {
        "score": value,
        "expected_error_mm": scores.expected_error_mm.numpy() if scores is not None else nothing,
        "error_low_mm": scores.interval_mm[0].numpy() if scores is not None else nothing,
        "error_high_mm": scores.interval_mm[1].numpy() if scores is not None else nothing,
        "gross_probability": scores.gross_probability.numpy() if scores is not None else nothing,
    }
    columns = {name: pa.array(spread(column[:, 0]), _F) for name, column in plain.items()}
    with np.errstate(invalid="ignore"):
        columns["swapped_gain"] = pa.array(spread(value[:, 1] - value[:, 0]), _F)
    columns["displacement_mm"] = pa.FixedSizeListArray.from_arrays(
        pa.array(spread(displacement).reshape(-1), _F), NUM_KEYPOINTS
    )
    for name in ("key", "row", "image", "by", "problem", "inside_share", "fingerprint"):
        columns[name] = pa.array([getattr(row, name) for row in decoded.rows], SCHEMA.field(name).type)
    columns["file"] = pa.array([decoded.unit.file_name] * n, pa.string())
    about = {**made_by, "file": decoded.unit.file_id}
    return pa.table([columns[f.name] for f in SCHEMA], schema=SCHEMA.with_metadata(about))


def write_unit(folder: Path, unit: Unit, table: pa.Table) -> Path:
    out = folder / unit.output_name
    with write_own_atomically(out) as partial:
        pq.write_table(table, partial, compression="zstd")
    return out


def _check_rows(found: int, unit: Unit, out: Path) -> None:
    if found != unit.stop - unit.start:
        raise ValueError(
            f"{out}: expected {unit.stop - unit.start} rows, it has {found}: it was written with another --rows_per_unit; give "
            "that one again, or choose another folder"
        )


def is_scored(folder: Path, unit: Unit, made_by: MadeBy) -> bool:
    """Is this unit's output there, of this scorer, body model and content of the file?

    Raises ValueError when it is there, but of others, or of another number of rows.
    """
    out = folder / unit.output_name
    if not out.exists():
        return False
    try:
        found = pq.read_metadata(out)
    except (pa.ArrowInvalid, OSError):
        return False
    about = found.metadata or {}
    if about.get(b"scorer") != made_by["scorer"].encode():
        raise ValueError(f"{out}: holds scores of another scorer; choose another folder, or remove it")
    if about.get(b"body_model", b"").decode() != made_by.get("body_model", ""):
        raise ValueError(
            f"{out}: was scored with another --body_model, or without; choose another folder, or remove it"
        )
    if about.get(b"file") != unit.file_id.encode():
        raise ValueError(f"{out}: {unit.path} has changed since it was scored; choose another folder, or remove it")
    _check_rows(found.num_rows, unit, out)
    return True


def bad_rows(folder: Path, units: list[Unit]) -> int:
    """How many labels of the units that are scored could not be judged."""
    paths = [path for unit in units if (path := folder / unit.output_name).exists()]
    return sum(sum(map(bool, pq.read_table(path, columns=["problem"])["problem"].to_pylist())) for path in paths)


@dataclass(frozen=True)
class SideCar:
    """All labels with their scores, in the order of files and rows. table: with SCHEMA's columns."""

    table: pa.Table
    scorer_id: str

    def labels(self, keep_duplicates: bool = False) -> ScoredLabels:
        column = {name: self.table[name] for name in self.table.column_names}
        problem = tuple(column["problem"].to_pylist())
        key = tuple(column["key"].to_pylist())
        displacement = column["displacement_mm"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
        marks = column["fingerprint"].to_numpy()
        return ScoredLabels(
            key,
            column["score"].to_numpy().astype(np.float64),
            column["expected_error_mm"].to_numpy().astype(np.float64),
            column["gross_probability"].to_numpy().astype(np.float64),
            displacement.reshape(-1, NUM_KEYPOINTS),
            problem,
            column["inside_share"].to_numpy(),
            column["swapped_gain"].to_numpy(),
            () if keep_duplicates else repeats(key, marks, np.array([not p for p in problem], dtype=bool)),
        )


def repeats(key: tuple[str, ...], fingerprint: np.ndarray, judged: np.ndarray) -> tuple[str, ...]:
    """Of each label the first one with its fingerprint, where that is another one; else empty."""
    out = [""] * len(key)
    rows = np.flatnonzero(judged)
    _, first, place = np.unique(fingerprint[rows], return_index=True, return_inverse=True)
    for i, f in zip(rows, rows[first[place]], strict=True):
        if i != f:
            out[i] = key[f]
    return tuple(out)


def read_side_car(folder: Path, units: list[Unit]) -> SideCar:
    """The outputs of ``units``. Raises ValueError for one that is missing, or when they are of several scorers."""
    tables, scorers = [], set()
    for unit in units:
        path = folder / unit.output_name
        if not path.exists():
            raise ValueError(
                f"{path}: has not been scored yet; `adhmr score --data {unit.root} --out {folder}` goes on where it stopped"
            )
        table = pq.read_table(path)
        about = table.schema.metadata or {}
        if about.get(b"file", b"").decode() != unit.file_id:
            raise ValueError(f"{unit.path}: has changed since it was scored in {folder}")
        _check_rows(len(table), unit, path)
        scorers.add(about.get(b"scorer", b"").decode())
        tables.append(table.replace_schema_metadata(None))
    if len(scorers) > 1:
        raise ValueError(f"{folder}: holds scores of {len(scorers)} scorers; score all files with one")
    return SideCar(pa.concat_tables(tables) if tables else SCHEMA.empty_table(), next(iter(scorers), ""))
