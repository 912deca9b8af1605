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


def told_of(written: Written, photographs: int, out: Path, where: str, strict: bool) -> int:
    """Writes predictions.csv and skipped.csv into ``out``; returns the exit code. where: to look at, for people.

    Raises ValueError when nothing was predicted.
    """
    if written.rows:
        write_table(out, "predictions", pa.Table.from_pylist(written.rows))
    list_skipped(written.skipped, out)
    if not written.rows:
        raise ValueError(
            f"nothing could be predicted: all {len(written.skipped)} items were skipped, see {out / 'skipped.csv'}"
        )
    count = len({row["key"] for row in written.rows})
    console.print(f"{count} people in {photographs} photographs, {len(written.skipped)} skipped; look at {where}")
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
