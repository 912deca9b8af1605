"""Tags of pictures (truncation, occlusion, crouching, …) from a table."""

from __future__ import annotations

import csv
from pathlib import Path


def read_tags(path: Path) -> dict[str, list[str]]:
    """Key of a picture to its tags, from a .csv with the columns key and tag.

    Raises ValueError that names the file when it is missing or has other columns.
    """
    try:
        with path.open(newline="") as stream:
            rows = list(csv.DictReader(stream))
    except FileNotFoundError:
        raise ValueError(f"{path}: expected a table of tags, there is none") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: could not be read as .csv ({error})") from None
    if rows and not {"key", "tag"} <= set(rows[0]):
        raise ValueError(f"{path}: expected the columns key and tag, found {sorted(rows[0])}")
    out: dict[str, list[str]] = {}
    for row in rows:
        out.setdefault(row["key"], []).append(row["tag"])
    return out
