"""The kept set, and the verdicts beside it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data_cleaning.rules import Verdict
from hmr.files import write_atomically
from hmr.formats.labels.human_data import HumanDataFile
from hmr.formats.labels.label_file import LabelFile
from hmr.formats.labels.our_folder import OurFolder
from hmr.formats.labels.row_npz import RowNpzFile
from hmr.samples import Samples, save_samples


def verdict_table(verdicts: list[Verdict]) -> pa.Table:
    """A row for every label."""
    fields = [f.name for f in dataclasses.fields(Verdict)]
    types = {
        "bad_parts": pa.list_(pa.string()),
        "key": pa.string(),
        "reason": pa.string(),
        "worst_keypoint": pa.string(),
    }
    return pa.table({name: pa.array([getattr(v, name) for v in verdicts], types.get(name)) for name in fields})


def write_scores(out: Path, table: pa.Table) -> None:
    """``scores.parquet`` in ``out``."""
    with write_atomically(out / "scores.parquet") as partial:
        pq.write_table(table, partial, compression="zstd")


def write_verdicts(out: Path, verdicts: list[Verdict], samples: Samples) -> None:
    """``scores.parquet`` and ``kept/`` (the samples that stay) in ``out``."""
    write_scores(out, verdict_table(verdicts))
    kept = np.flatnonzero([v.keep for v in verdicts])
    save_samples(out / "kept", samples[kept])


def write_hard(file: LabelFile | OurFolder, keep: np.ndarray, out: Path) -> None:
    """The same file with fewer labels."""
    file.write(keep, out)


def write_soft(file: LabelFile | OurFolder, keep: np.ndarray, out: Path) -> None:
    """The same file with every label, those that are dropped switched off. Raises ValueError where there is no such thing."""
    if not isinstance(file, RowNpzFile):
        raise ValueError(f"{file.path}: {file.format_name} has no soft filter; leave --soft out")
    file.write_soft(keep, out)


def write_masked(file: LabelFile | OurFolder, keep: np.ndarray, bad_parts: list[tuple[str, ...]], out: Path) -> None:
    """The same file with fewer labels, their bad hands and feet marked as not given. Raises ValueError for other formats."""
    if not isinstance(file, HumanDataFile):
        raise ValueError(f"{file.path}: {file.format_name} cannot say that a hand is not given; leave --mask_parts out")
    file.write_masked(keep, bad_parts, out)
