"""Cut the people out of photographs once, into folders of our crops.

No later stage reads the photographs again, and memory does not grow with their number. A cut that was stopped goes on where it was.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from adhmr.predicting import crops_of_shot, shots_of
from adhmr.tables import write_table
from hmr.files import is_first_process, locked, partial_folder, read_json, write_json
from hmr.photographs.folder import Photographs, Skipped, output_names
from hmr.photographs.sources import PeopleSource
from hmr.samples import load_views, save_views
from hmr.views import Views

#: Photographs whose people are in memory together, and after which a cut that was stopped goes on.
_AT_ONCE = 32
_SKIPPED, _MADE_FROM = "skipped", "crops.json"


class Looking(Protocol):
    """Anything that looks at crops: a generator, a regressor, a scorer."""

    @property
    def crop_size(self) -> int: ...

    @property
    def crop_enlarge(self) -> float: ...


@dataclass(frozen=True)
class CropKind:
    """Side in pixels, and how many times a person's box a crop is."""

    size: int
    enlarge: float

    @classmethod
    def of(cls, network: Looking) -> CropKind:
        return cls(network.crop_size, network.crop_enlarge)


@dataclass(frozen=True)
class Cut:
    """Crops of one kind in their folder, which is one of ``--data`` too; and what of the photographs is not among them."""

    folder: Path
    views: Views
    skipped: list[Skipped]

    @property
    def size_bytes(self) -> int:
        return sum(path.stat().st_size for path in self.folder.iterdir() if path.is_file())

    @classmethod
    def load(cls, folder: Path) -> Cut:
        """Raises ValueError when nobody was cut out."""
        skipped = _read_skipped(folder)
        if not (folder / "pictures.npy").exists():
            told = "; ".join(f"{s.what}: {s.reason}" for s in skipped[:3])
            raise ValueError(f"nobody could be cut out of the photographs, see {folder / 'skipped.csv'} ({told})")
        return cls(folder, load_views(folder), skipped)


@dataclass(frozen=True)
class Cutting:
    """What is cut, and where to. made_from: written beside the crops, for people."""

    photographs: Photographs
    people: PeopleSource
    focal_px: float | None
    folders: dict[CropKind, Path]
    unfinished: Path
    made_from: dict[str, Any]

    def run(self, at: Callable[[float], None]) -> None:
        """Makes those of ``folders`` that are not there. at: called with the share that is done.

        Raises ValueError when another run is cutting the same.
        """
        if not is_first_process():  # of several processes of one run the others wait for the first
            while not all(folder.exists() for folder in self.folders.values()):
                time.sleep(0.5)
            return
        with locked(self.unfinished):
            parts = list(self._parts(at))
            for number, (kind, folder) in enumerate(self.folders.items()):
                if not folder.exists():
                    self._join(parts, number, kind, folder)
        shutil.rmtree(self.unfinished, ignore_errors=True)

    def _parts(self, at: Callable[[float], None]) -> Iterator[Path]:
        keys = list(output_names(self.photographs.names).items())
        for start in range(0, len(keys), _AT_ONCE):
            at(start / len(keys))
            part = self.unfinished / f"part-{start:09d}"
            if not part.exists():
                with partial_folder(part) as partial:
                    self._cut_some(dict(keys[start : start + _AT_ONCE]), partial)
            yield part
        at(1.0)

    def _cut_some(self, keys: dict[str, str], out: Path) -> None:
        shots, skipped = [], []
        for _, shot, left_out in shots_of(self.photographs, keys, self.people, self.focal_px):
            skipped += [asdict(s) for s in left_out]
            if shot is not None:
                shots.append(shot)
        for number, kind in enumerate(self.folders):
            if shots:
                save_views(
                    out / str(number), Views.cat([crops_of_shot(s, kind.size, kind.enlarge, True) for s in shots])
                )
        write_json(out / "skipped.json", skipped)

    def _join(self, parts: list[Path], number: int, kind: CropKind, folder: Path) -> None:
        views = [load_views(part / str(number)) for part in parts if (part / str(number)).exists()]
        skipped = [asdict(s) for s in self.people.skipped]
        for part in parts:
            skipped += read_json(part / "skipped.json")
        with partial_folder(folder) as partial:
            if views:
                save_views(partial, Views.cat(views))
            if skipped:
                write_table(partial, _SKIPPED, pa.Table.from_pylist(skipped))
            write_json(partial / _MADE_FROM, {**self.made_from, "crops": asdict(kind)})


def _read_skipped(folder: Path) -> list[Skipped]:
    path = folder / f"{_SKIPPED}.parquet"
    return [Skipped(**row) for row in pq.read_table(path).to_pylist()] if path.exists() else []
