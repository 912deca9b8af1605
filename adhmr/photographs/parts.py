"""Sets that are made some pictures at a time.

Memory does not grow with their number, a run that was stopped goes on where it was, and a folder has its name when it is whole.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from adhmr.progress import StageProgress
from adhmr.tables import write_table
from hmr.files import is_first_process, locked, partial_folder, read_json, write_json
from hmr.photographs.folder import Skipped
from hmr.samples import Samples, load_views_or_samples, save_samples, save_views
from hmr.views import Views

_SKIPPED, _MADE_FROM = "skipped", "crops.json"

#: The number of a part and an empty folder, in which it writes a set for each of the folders (0, 1, …), where there is anybody;
#: what could not be done is returned.
MakePart = Callable[[int, Path], list[Skipped]]


@dataclass(frozen=True)
class SetsInParts:
    """Sets of the same pictures, made together.

    Attributes:
        folders: what each is made from, by where it goes; written beside it, for people.
        unfinished: folder of the parts, until all are there.
        count: of the parts.
        make_part: writes one.
    """

    folders: dict[Path, dict[str, Any]]
    unfinished: Path
    count: int
    make_part: MakePart

    @property
    def there(self) -> bool:
        """Whether all are made."""
        return all(folder.exists() for folder in self.folders)

    def make(self, also_skipped: list[Skipped], at: Callable[[float], None]) -> None:
        """Those that are not there. also_skipped: not of any part. at: called with the share that is done.

        Raises ValueError when another run is making the same.
        """
        if not is_first_process():  # of several processes of one run the others wait for the first
            while not self.there:
                time.sleep(0.5)
            return
        with locked(self.unfinished):
            parts = list(self._parts(at))
            for number, folder in enumerate(self.folders):
                if not folder.exists():
                    self._join(parts, number, folder, also_skipped)
        shutil.rmtree(self.unfinished, ignore_errors=True)

    def _parts(self, at: Callable[[float], None]) -> Iterator[Path]:
        for number in range(self.count):
            at(number / self.count)
            part = self.unfinished / f"part-{number:09d}"
            if not part.exists():
                with partial_folder(part) as partial:
                    skipped = self.make_part(number, partial)
                    write_json(partial / "skipped.json", [asdict(s) for s in skipped])
            yield part
        at(1.0)

    def _join(self, parts: list[Path], number: int, folder: Path, also_skipped: list[Skipped]) -> None:
        sets = [load_views_or_samples(part / str(number)) for part in parts if (part / str(number)).exists()]
        skipped = [asdict(s) for s in also_skipped]
        for part in parts:
            skipped += read_json(part / "skipped.json")
        with partial_folder(folder) as partial:
            if sets:
                save_set(partial, type(sets[0]).cat(sets))
            if skipped:
                write_table(partial, _SKIPPED, pa.Table.from_pylist(skipped))
            write_json(partial / _MADE_FROM, self.folders[folder])


def save_set(folder: Path, views: Views) -> None:
    """With labels where there are some."""
    if isinstance(views, Samples):
        save_samples(folder, views)
    else:
        save_views(folder, views)


@dataclass(frozen=True)
class Made:
    """A set in its folder, which is one of ``--data`` too; and what of its pictures is not in it."""

    folder: Path
    views: Views
    skipped: list[Skipped]

    @property
    def size_bytes(self) -> int:
        return sum(path.stat().st_size for path in self.folder.iterdir() if path.is_file())

    @classmethod
    def load(cls, folder: Path) -> Made:
        """Raises ValueError when nobody is in it."""
        path = folder / f"{_SKIPPED}.parquet"
        skipped = [Skipped(**row) for row in pq.read_table(path).to_pylist()] if path.exists() else []
        if not (folder / "pictures.npy").exists():
            told = "; ".join(f"{s.what}: {s.reason}" for s in skipped[:3])
            raise ValueError(f"nobody could be cut out of the photographs, see {folder / 'skipped.csv'} ({told})")
        return cls(folder, load_views_or_samples(folder), skipped)


def made_once(sets: SetsInParts, also_skipped: list[Skipped], of: str, tell: Callable[[str], None]) -> list[Made]:
    """The sets, made where they are not there. of: what they are cut out of. Raises ValueError when nobody is in them."""
    there = sets.there
    if not there:
        with StageProgress({"crops": 1.0}) as progress:
            progress.start("crops")
            sets.make(also_skipped, progress.at)
            progress.finish()
    made = [Made.load(folder) for folder in sets.folders]
    size_mb, where = sum(one.size_bytes for one in made) / 1e6, ", ".join(str(one.folder) for one in made)
    tell(
        f"{len(made[0].views)} people of {of}, {'cut out before' if there else 'cut out'}: {size_mb:.1f} MB in {where}"
    )
    return made
