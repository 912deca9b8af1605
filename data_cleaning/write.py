"""The kept set and the scores beside it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data_cleaning.rules import Verdict
from hmr.files import write_atomically
from hmr.samples import Samples, save_samples


def write_verdicts(out: Path, verdicts: list[Verdict], samples: Samples) -> None:
    """``scores.parquet`` (a row for every label) and ``kept/`` (the samples that stay) in ``out``."""
    table = pa.Table.from_pylist([dataclasses.asdict(v) for v in verdicts])
    with write_atomically(out / "scores.parquet") as partial:
        pq.write_table(table, partial)
    kept = np.flatnonzero([v.keep for v in verdicts])
    save_samples(out / "kept", samples[kept])
