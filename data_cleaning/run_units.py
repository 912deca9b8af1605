"""Score units one after another on this machine: what a laptop, a job of an array and a worker all do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from data_cleaning.decode import Decoded, decode_folder, decode_people, picture_source
from data_cleaning.score import judge
from data_cleaning.side_car import MadeBy, bad_rows, is_scored, unit_table, write_unit
from data_cleaning.units import Unit, opened
from hmr.formats.labels.label_file import LabelFile, ParameterModel
from hmr.formats.labels.our_folder import OurFolder
from hmr.photographs.folder import PictureSource
from scorer.protocol import AnyScorer


@dataclass
class Decoder:
    """Keeps the file that was opened last, since units of a file follow one another."""

    images: Path | None
    coco: Path | None
    body: ParameterModel
    size: int
    _path: Path | None = None
    _file: LabelFile | OurFolder | None = None
    _rows: list[str] = field(default_factory=list)
    _source: PictureSource | None = None

    def __call__(self, unit: Unit) -> Decoded:
        """Raises ValueError for what concerns the whole file: pictures of another size, no photographs, no bodies."""
        if self._path != unit.path or self._file is None:
            self._path = None
            self._file, self._rows = opened(unit.path, self.coco)
            if not isinstance(self._file, OurFolder):
                self._source = picture_source(unit, self._file, self.images)
            self._path = unit.path
        if isinstance(self._file, OurFolder):
            return decode_folder(unit, self._file, self.size)
        assert self._source is not None
        return decode_people(unit, self._file, self._rows, self._source, self.body, self.size)


def score_units(
    units: list[Unit],
    out: Path,
    decoder: Decoder,
    scorer: AnyScorer,
    made_by: MadeBy,
    at: Callable[[int, int], None],
) -> tuple[int, int]:
    """Scores what is not scored yet. at: called with labels done and labels in all. Returns labels scored now, and of all labels,
    now or before, the ones that could not be judged."""
    todo = [unit for unit in units if not is_scored(out, unit, made_by)]
    total, done = sum(u.stop - u.start for u in todo), 0
    for unit in todo:
        decoded = decoder(unit)
        write_unit(out, unit, unit_table(decoded, judge(scorer, decoded), made_by))
        done += len(decoded.rows)
        at(done, total)
    return done, bad_rows(out, units)
