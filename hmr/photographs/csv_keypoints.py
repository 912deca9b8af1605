"""Keypoints as a table: a row for each person, with the photograph's name and x, y and confidence of each point."""

from __future__ import annotations

import csv
import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hmr.files import write_atomically
from hmr.keypoint_sets import KEYPOINT_SETS, PROMPT_POINTS, Keypoints, KeypointSet
from hmr.photographs.coco_keypoints import box_of_keypoints
from hmr.photographs.folder import Photographs, Skipped
from hmr.photographs.people import Person, check_person

_IMAGE, _PERSON = "image", "person"
_BOX = ("box_x0", "box_y0", "box_x1", "box_y1")
_ENDINGS = ("_x", "_y", "_c")
_FORM = f"{_IMAGE}, {_PERSON} and {', '.join(_BOX)} where they are known, then POINT_x, POINT_y, POINT_c of each point"

#: Cells of a row by the names of their columns.
_Cells = Mapping[str, str]


@dataclass(frozen=True)
class CsvRow:
    """One person's row. what: how it is spoken of."""

    what: str
    cells: _Cells


@dataclass(frozen=True)
class CsvKeypoints:
    """People of a table, by the photograph's path in its folder."""

    path: Path
    of: KeypointSet
    rows: dict[str, list[CsvRow]]
    skipped: list[Skipped]

    def people_of(self, name: str, key: str, photograph: np.ndarray) -> tuple[list[Person], list[Skipped]]:
        """As ``PeopleSource``."""
        if name not in self.rows:
            return [], [Skipped(name, f"not in {self.path.name}")]
        people, skipped = [], []
        for number, row in enumerate(self.rows[name]):
            try:
                keypoints = _keypoints_of(row.cells, self.of)
                given = _box_of(row.cells)
                box = box_of_keypoints(keypoints) if given is None else given
                person = Person(f"{key}-{number:02d}", box, keypoints if keypoints.count else None)
                check_person(person, photograph)
                people.append(person)
            except ValueError as error:
                skipped.append(Skipped(row.what, str(error)))
        return people, skipped


def read_csv_keypoints(path: Path, photographs: Photographs) -> CsvKeypoints:
    """Raises ValueError for a file that is no such table, or whose points are of no named set."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            table = csv.DictReader(stream, strict=True)
            of = _set_of(path, list(table.fieldnames or ()))
            rows = [(table.line_num, row) for row in table]
    except FileNotFoundError:
        raise ValueError(f"{path}: expected a table of keypoints, there is none") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: expected a table of keypoints (csv, UTF-8), could not read it ({error})") from None
    if not rows:
        raise ValueError(f"{path}: expected a row for each person, there are none")
    found: dict[str, list[CsvRow]] = {}
    skipped: list[Skipped] = []
    for line, cells in rows:
        what = f"{path.name} line {line}"
        try:
            if None in cells or None in cells.values():
                raise ValueError("has not as many cells as the first line has columns")
            name = photographs.named(cells[_IMAGE])
            who = f", person {cells[_PERSON]}" if cells.get(_PERSON) else ""
            found.setdefault(name, []).append(CsvRow(f"{what} ({cells[_IMAGE]}{who})", cells))
        except ValueError as error:
            skipped.append(Skipped(what, str(error)))
    return CsvKeypoints(path, of, found, skipped)


def write_csv_keypoints(path: Path, people: Mapping[str, Sequence[Keypoints]]) -> None:
    """Inverse of ``read_csv_keypoints``: photographs' names to their people, all in the same set of points; without boxes."""
    of = next(person.of for some in people.values() for person in some)
    columns = [_IMAGE, *(f"{point}{ending}" for point in of.points for ending in _ENDINGS)]
    with write_atomically(path) as partial, partial.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream)
        table.writerow(columns)
        for name, some in people.items():
            for person in some:
                cells = [
                    [f"{x:.1f}", f"{y:.1f}", f"{c:.2f}"] if c > 0 else ["", "", ""] for x, y, c in person.px.tolist()
                ]
                table.writerow([name, *(cell for three in cells for cell in three)])


def _set_of(path: Path, columns: Sequence[str]) -> KeypointSet:
    """The smallest set that has all points of the columns. Raises ValueError where there is none."""
    if _IMAGE not in columns or len(set(columns)) < len(columns):
        raise ValueError(f"{path}: expected columns {_FORM}, each once; got {', '.join(columns)[:200]}")
    rest = [column for column in columns if column not in (_IMAGE, _PERSON, *_BOX)]
    points = list(dict.fromkeys(_point_of(path, column) for column in rest))
    if missing := [f"{p}{ending}" for p in points for ending in _ENDINGS if f"{p}{ending}" not in columns]:
        raise ValueError(f"{path}: expected POINT_x, POINT_y and POINT_c of each point, there is no {missing[0]}")
    if 0 < len(set(_BOX) & set(columns)) < len(_BOX):
        raise ValueError(f"{path}: expected all of {', '.join(_BOX)} or none of them")
    if not points:
        raise ValueError(f"{path}: expected columns {_FORM}; there are no points")
    fitting = [of for of in (*KEYPOINT_SETS.values(), PROMPT_POINTS) if set(points) <= set(of.points)]
    if not fitting:
        raise ValueError(f"{path}: no known set has all of its points ({', '.join(points)})")
    return min(fitting, key=len)


def _point_of(path: Path, column: str) -> str:
    """Raises ValueError for a column that is no point's, with the nearest that is one."""
    point, ending = column[:-2], column[-2:]
    known = {p for of in (*KEYPOINT_SETS.values(), PROMPT_POINTS) for p in of.points}
    if ending in _ENDINGS and point in known:
        return point
    near = difflib.get_close_matches(point, known, n=1, cutoff=0.75)
    hint = f"did you mean '{near[0]}{ending if ending in _ENDINGS else '_x'}'?" if near else f"known are {_FORM}"
    raise ValueError(f"{path}: unknown column '{column}'; {hint}")


def _keypoints_of(cells: _Cells, of: KeypointSet) -> Keypoints:
    """Empty cells say nothing of their point. Raises ValueError that names the cell."""
    px = np.zeros((len(of), 3), np.float32)
    for number, point in enumerate(of.points):
        names = [f"{point}{ending}" for ending in _ENDINGS]
        if any(cells.get(name, "").strip() for name in names):
            px[number] = [_number(cells, name) for name in names]
            if not 0 <= px[number, 2] <= 1:
                raise ValueError(f"{names[2]}: expected a confidence from 0 to 1, got {cells[names[2]]}")
    return Keypoints.read(of, px)


def _box_of(cells: _Cells) -> tuple[float, float, float, float] | None:
    """Pixels; None where its cells are empty. Raises ValueError that names the cell."""
    if not any(cells.get(name, "").strip() for name in _BOX):
        return None
    x0, y0, x1, y1 = (_number(cells, name) for name in _BOX)
    return x0, y0, x1, y1


def _number(cells: _Cells, name: str) -> float:
    try:
        value = float(cells[name])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(
            f"{name}: expected a finite number, got '{cells[name]}'; leave all three cells empty if unknown"
        )
    return value
