"""The unit of work: some rows of one file. Locally, in an array of jobs and in a cluster's workers it is the same."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from hmr.formats.labels.json_rows import CocoFile, PairsFile
from hmr.formats.labels.label_file import LabelFile
from hmr.formats.labels.open import label_files, open_labels
from hmr.formats.labels.our_folder import OurFolder

_ENDS = 1 << 20
#: Among other files of labels these are listed, and not judged.
UNJUDGEABLE = (CocoFile, PairsFile)


@dataclass(frozen=True)
class Unit:
    """Rows start to stop - 1 of the file ``name`` in ``root`` (or ``root`` itself). file_id: which content it had."""

    root: Path
    name: str
    start: int
    stop: int
    file_id: str

    @property
    def path(self) -> Path:
        return self.root / self.name if self.root.is_dir() and self.name != "." else self.root

    @property
    def file_name(self) -> str:
        """For people, and for keys: as it is found from ``root``."""
        return self.path.name if self.name == "." else self.name

    @property
    def output_name(self) -> str:
        return f"{self.file_name.replace('%', '%25').replace('/', '%2F')}.{self.start:09d}.parquet"

    def key(self, row: str) -> str:
        """Of one label, unique over all files. Our own sets have keys of their own."""
        return f"{self.file_name}#{row}"


@dataclass(frozen=True)
class BadFile:
    """A file that cannot be read at all, and why."""

    path: Path
    reason: str


def file_id(path: Path) -> str:
    """From size and both ends, so that a shard of many gigabytes need not be read for it."""
    target = path / "labels.npz" if path.is_dir() else path
    size = target.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with target.open("rb") as stream:
        digest.update(stream.read(_ENDS))
        stream.seek(max(0, size - _ENDS))
        digest.update(stream.read(_ENDS))
    return digest.hexdigest()


def opened(path: Path, coco: Path | None) -> tuple[LabelFile | OurFolder, list[str]]:
    """A file and its rows. Raises ValueError naming it, also for rows of the same name."""
    file = open_labels(path, coco)
    rows = list(file.rows)
    if len(set(rows)) < len(rows):
        twice = next(row for row in rows if rows.count(row) > 1)
        raise ValueError(
            f"{path}: {len(rows) - len(set(rows))} labels have the key of another one, the first is {twice}"
        )
    return file, rows


def readable_units(
    data: Path, files: list[Path], rows_per_unit: int, coco: Path | None
) -> tuple[list[Unit], list[BadFile]]:
    """Units of ``files`` in ``data``, and those of them that cannot be read or hold nothing to judge."""
    units: list[Unit] = []
    bad: list[BadFile] = []
    for path in files:
        try:
            file, rows = opened(path, coco)
            count, identity = len(rows), file_id(path)
        except Exception as error:  # a broken file may break a reader anywhere; the other files go on
            bad.append(BadFile(path, str(error) if isinstance(error, ValueError | OSError) else f"{path}: {error!r}"))
            continue
        if path != data and isinstance(file, UNJUDGEABLE):
            bad.append(BadFile(path, f"{path}: {file.format_name} holds no bodies to judge"))
            continue
        if not count:
            bad.append(BadFile(path, f"{path}: holds no labels"))
        name = str(path.relative_to(data))
        for start in range(0, count, rows_per_unit):
            units.append(Unit(data, name, start, min(start + rows_per_unit, count), identity))
    return units, bad


def units_of(data: Path, rows_per_unit: int, coco: Path | None) -> tuple[list[Unit], list[BadFile]]:
    """All units of a file, our own folder, or a folder of files. Raises ValueError when none can be read."""
    units, bad = readable_units(data, label_files(data), rows_per_unit, coco)
    if not units and bad:
        more = f" (and {len(bad) - 1} more like it)" if len(bad) > 1 else ""
        raise ValueError(f"{bad[0].reason}{more}")
    return units, bad
