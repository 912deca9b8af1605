"""A ranked table of candidates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from hmr.files import write_atomically
from scorer.scores import Scores


def ranked_table(scores: Scores, source: str) -> pa.Table:
    """A row for each candidate, best first within each picture: key, rank (1 is best), candidate, score, expected error."""
    value = scores.value.numpy()
    b, n = value.shape
    order = np.argsort(-value, axis=1, kind="stable")
    rows = np.arange(b)[:, None]
    return pa.table(
        {
            "key": np.repeat(np.array(scores.key), n),
            "rank": np.tile(np.arange(1, n + 1), b),
            "candidate": order.ravel(),
            "score": value[rows, order].ravel(),
            "expected_pve_mm": scores.expected_error_mm.numpy()[rows, order].ravel(),
            "source": [source] * (b * n),
        }
    )


def write_table(folder: Path, name: str, table: pa.Table) -> None:
    """``name``.parquet and ``name``.csv."""
    with write_atomically(folder / f"{name}.parquet") as partial:
        pq.write_table(table, partial)
    with write_atomically(folder / f"{name}.csv") as partial:
        pyarrow.csv.write_csv(table, partial)
