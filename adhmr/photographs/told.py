"""What predict tells of what it did: tables, words, the exit code."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pyarrow as pa

from adhmr.exit_code import exit_code
from adhmr.photographs.write import Written
from adhmr.progress import console
from adhmr.tables import write_table
from hmr.photographs.folder import Skipped


def told_of(written: Written, out: Path, where: str, strict: bool) -> int:
    """Writes predictions.csv and skipped.csv into ``out``; returns the exit code. where: to look at, for people.

    Raises ValueError when nothing was predicted.
    """
    table = written.rows.table()
    if table is not None:
        write_table(out, "predictions", table)
    list_skipped(written.skipped, out)
    if table is None:
        why = f"; {len(written.skipped)} items were skipped, see {out / 'skipped.csv'}" if written.skipped else ""
        raise ValueError(f"nothing could be predicted: {written.told}{why}")
    console.print(f"{written.told}, {len(written.skipped)} skipped; look at {where}")
    return exit_code(len(written.skipped), strict)


def list_skipped(skipped: list[Skipped], out: Path) -> None:
    """skipped.csv in ``out``, and the first of them as words; nothing where nothing was skipped."""
    if not skipped:
        return
    write_table(out, "skipped", pa.Table.from_pylist([asdict(s) for s in skipped]))
    for s in skipped[:20]:
        console.print(f"skipped {s.what}: {s.reason}", highlight=False)
    if len(skipped) > 20:
        console.print(f"… and {len(skipped) - 20} more, see {out / 'skipped.csv'}", highlight=False)
