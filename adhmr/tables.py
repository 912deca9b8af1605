"""Tables for people and programs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from hmr.files import write_atomically

#: Rows that are put together at once.
_CHUNK = 4096


@dataclass
class Rows:
    """A table that grows row by row, and takes little memory."""

    _new: list[dict[str, Any]] = field(default_factory=list)
    _packed: list[pa.Table] = field(default_factory=list)

    def add(self, rows: list[dict[str, Any]]) -> None:
        """All rows have the same columns."""
        self._new += rows
        if len(self._new) >= _CHUNK:
            self._pack()

    def _pack(self) -> None:
        if self._new:
            self._packed.append(pa.Table.from_pylist(self._new))
            self._new = []

    def table(self) -> pa.Table | None:
        """None where there are no rows."""
        self._pack()
        return pa.concat_tables(self._packed) if self._packed else None


def write_table(folder: Path, name: str, table: pa.Table) -> None:
    """``name``.parquet and ``name``.csv."""
    with write_atomically(folder / f"{name}.parquet") as partial:
        pq.write_table(table, partial)
    with write_atomically(folder / f"{name}.csv") as partial:
        pyarrow.csv.write_csv(table, partial)
