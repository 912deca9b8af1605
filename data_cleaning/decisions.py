"""What a person decided on the review page."""

from __future__ import annotations

import csv
import io
from pathlib import Path


def read_verdict_column(path: Path, column: str, how_to_get_one: str) -> dict[str, bool]:
    """A table with the columns key and ``column`` (0 or 1): key to whether it is 1.

    Raises ValueError with the line for anything else, also for a key that comes twice.
    """
    if not path.exists():
        raise ValueError(f"{path}: there is no such file; {how_to_get_one}")
    try:
        text = path.read_text(encoding="utf-8-sig")  # spreadsheets write a byte order mark
    except (UnicodeDecodeError, IsADirectoryError):
        raise ValueError(f"{path}: expected a table as text (csv)") from None
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if not {"key", column} <= set(reader.fieldnames or []):
        found = ", ".join(reader.fieldnames or []) or "nothing"
        raise ValueError(f"{path}: expected the columns key and {column}, separated by commas; found {found}")
    out: dict[str, bool] = {}
    for row in reader:
        key, said = row["key"], (row[column] or "").strip()
        if said not in ("0", "1"):
            raise ValueError(f"{path}, line {reader.line_num}: expected 0 or 1 for {key}, got '{said}'")
        if key in out:
            raise ValueError(f"{path}, line {reader.line_num}: {key} is there twice")
        out[key] = said == "1"
    return out


def read_decisions(path: Path) -> dict[str, bool]:
    """Key to keep, as the review page's download has it."""
    return read_verdict_column(path, "keep", "the review page of `adhmr clean --review` writes one")
