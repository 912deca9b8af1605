"""Tables for people and programs."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from hmr.files import write_atomically


def write_table(folder: Path, name: str, table: pa.Table) -> None:
    """``name``.parquet and ``name``.csv."""
    with write_atomically(folder / f"{name}.parquet") as partial:
        pq.write_table(table, partial)
    with write_atomically(folder / f"{name}.csv") as partial:
        pyarrow.csv.write_csv(table, partial)
