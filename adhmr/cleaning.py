"""Phase two of cleaning: from scores to the files that are kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from adhmr.scoring import ScoringJob, score_here
from adhmr.tables import write_table
from data_cleaning.rules import Verdict
from data_cleaning.side_car import SideCar, read_side_car
from data_cleaning.units import BadFile, Unit, opened
from data_cleaning.write import verdict_table, write_hard, write_masked, write_scores, write_soft
from hmr.formats.labels.tar_rows import TarFile
from hmr.formats.person_candidate import BY_STAND_IN


@dataclass(frozen=True)
class Cleaned:
    """Everything that is known of a set after a rule. The side-car and the verdicts have the same rows in the same order."""

    job: ScoringJob
    units: list[Unit]
    side_car: SideCar
    verdicts: list[Verdict]
    tags: dict[str, list[str]]
    broken: list[BadFile]

    @property
    def keep(self) -> np.ndarray:
        return np.array([v.keep for v in self.verdicts], dtype=bool)

    @property
    def on_stand_in(self) -> bool:
        """Were any of the labels judged on the free body, in the place of their own?"""
        return BY_STAND_IN in self.side_car.table["by"].unique().to_pylist()

    def table(self) -> pa.Table:
        """A row for every label: what the scorer said, and the verdict."""
        out = verdict_table(self.verdicts)
        for name in self.side_car.table.column_names:
            if name not in out.column_names:
                out = out.append_column(name, self.side_car.table[name])
        return out.replace_schema_metadata({"scorer_sha256": self.side_car.scorer_id})

    def write_unreadable(self, out: Path) -> None:
        """``unreadable.csv``, where there is anything."""
        table = self.side_car.table.select(["key", "file", "row", "problem"]).rename_columns(
            ["key", "file", "row", "reason"]
        )
        table = table.filter(pa.array([bool(p) for p in table["reason"].to_pylist()], pa.bool_()))
        rows = [{"key": "", "file": str(b.path), "row": "", "reason": b.reason} for b in self.broken]
        both = pa.concat_tables([table, pa.Table.from_pylist(rows, schema=table.schema)])
        if len(both):
            write_table(out, "unreadable", both)


def scored_labels(job: ScoringJob, units: list[Unit], scores: Path | None, out: Path) -> SideCar:
    """The scores that `adhmr score` wrote, or made now in ``out``/scores."""
    if scores is None:
        scores = out / "scores"
        score_here(job, units, scores)
    return read_side_car(scores, units)


def rows_by_file(units: list[Unit]) -> dict[Path, slice]:
    """Of each file its rows among all labels."""
    out: dict[Path, slice] = {}
    place = 0
    for unit in units:
        count = unit.stop - unit.start
        out[unit.path] = slice(out[unit.path].start if unit.path in out else place, place + count)
        place += count
    return out


def with_their_samples(units: list[Unit], verdicts: list[Verdict]) -> list[Verdict]:
    """In tars a sample goes whole: who is kept and goes with another person is said to be dropped."""
    out = list(verdicts)
    for path, rows in rows_by_file(units).items():
        keep = np.array([v.keep for v in verdicts[rows]], dtype=bool)
        if path.suffix != ".tar" or keep.all():
            continue
        file, _ = opened(path, None)
        assert isinstance(file, TarFile)
        for i, other in file.goes_with(keep).items():
            verdict = verdicts[rows.start + i]
            out[rows.start + i] = replace(
                verdict, keep=False, reason=f"its sample goes whole, with {other}", bad_parts=()
            )
    return out


def write_cleaned(cleaned: Cleaned, out: Path, soft: bool, mask_parts: bool) -> list[BadFile]:
    """Every file with the labels that stay, under ``out``/kept; scores.parquet and unreadable.csv beside it.

    Returns the files that could not be written (broken ones, read-only formats, or what is asked for is unknown to a format).
    Raises ValueError when both ways are asked for.
    """
    if soft and mask_parts:
        raise ValueError("give --soft or --mask_parts, not both")
    not_written = []
    for path, rows in rows_by_file(cleaned.units).items():
        file, _ = opened(path, cleaned.job.coco)
        if path.is_dir():
            target = out / "kept"
        else:
            root = cleaned.job.data
            target = out / "kept" / (path.relative_to(root) if root.is_dir() else path.name)
        try:
            if mask_parts:
                write_masked(file, cleaned.keep[rows], [v.bad_parts for v in cleaned.verdicts[rows]], target)
            else:
                (write_soft if soft else write_hard)(file, cleaned.keep[rows], target)
        except ValueError as error:
            not_written.append(BadFile(path, str(error)))
    write_scores(out, cleaned.table())
    cleaned.write_unreadable(out)
    return not_written
