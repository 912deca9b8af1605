"""Keypoints that other tools wrote: COCO's json, OpenPose's folder of a json for each photograph, and tables."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from hmr.files import read_json
from hmr.keypoint_sets import Keypoints, keypoint_set_of_length
from hmr.photographs.coco_keypoints import box_of_keypoints, triples
from hmr.photographs.csv_keypoints import CsvKeypoints, read_csv_keypoints
from hmr.photographs.folder import Photographs, Skipped
from hmr.photographs.people import PeopleFile, Person, check_person, read_people

_OPENPOSE = "_keypoints"


def read_keypoints(path: Path, photographs: Photographs) -> PeopleFile | OpenPoseFolder | CsvKeypoints:
    """A COCO json, a table (.csv), or a folder of OpenPose's. Raises ValueError when it is none of them."""
    if path.is_dir():
        return OpenPoseFolder.at(path, photographs)
    if path.suffix.lower() == ".csv":
        return read_csv_keypoints(path, photographs)
    return read_people(path, photographs, with_keypoints=True)


@dataclass(frozen=True)
class OpenPoseFolder:
    """NAME_keypoints.json for the photograph NAME.jpg, in the same subfolder; or anywhere, where both names are the only ones.

    Attributes:
        folder: of the files.
        files: by their NAME, of all subfolders.
        photographs: how many bear a NAME.
    """

    folder: Path
    files: dict[str, list[Path]]
    photographs: Counter[str]
    skipped: list[Skipped]

    @classmethod
    def at(cls, folder: Path, photographs: Photographs) -> OpenPoseFolder:
        """Raises ValueError when there is no such file."""
        files: dict[str, list[Path]] = {}
        for path in sorted(folder.rglob(f"*{_OPENPOSE}.json")):
            files.setdefault(path.stem.removesuffix(_OPENPOSE), []).append(path)
        if not files:
            raise ValueError(f"{folder}: expected OpenPose's NAME_keypoints.json files, there are none")
        return cls(folder, files, Counter(PurePosixPath(name).stem for name in photographs.names), [])

    def _file_of(self, name: str) -> Path:
        """Raises ValueError when there is none, or it could be of another photograph."""
        stem = PurePosixPath(name).stem
        given, file = self.files.get(stem, []), f"{stem}{_OPENPOSE}.json"
        beside = self.folder / PurePosixPath(name).with_name(file)
        if beside in given:
            return beside
        if not given:
            raise ValueError(f"no {file}")
        if len(given) > 1 or self.photographs[stem] > 1:
            raise ValueError(
                f"{len(given)} files {file} and {self.photographs[stem]} photographs '{stem}': put the files into subfolders "
                "as the photographs are"
            )
        return given[0]

    def people_of(self, name: str, key: str, photograph: np.ndarray) -> tuple[list[Person], list[Skipped]]:
        """As ``PeopleSource``."""
        try:
            path = self._file_of(name)
        except ValueError as error:
            return [], [Skipped(name, str(error))]
        people, skipped = [], []
        try:
            given = read_json(path)["people"]
            rows = list(given)
        except (ValueError, KeyError, TypeError):
            return [], [Skipped(name, f"{path.name} is not OpenPose's json with people")]
        for number, person in enumerate(rows):
            try:
                keypoints = _openpose_keypoints(person)
                found = Person(f"{key}-{len(people):02d}", box_of_keypoints(keypoints), keypoints)
                check_person(found, photograph)
                people.append(found)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                skipped.append(Skipped(f"{name} person {number} of {path.name}", str(error)))
        return people, skipped or ([] if people else [Skipped(name, f"no people in {path.name}")])


def _openpose_keypoints(person: dict[str, Any]) -> Keypoints:
    px = triples(person["pose_keypoints_2d"])
    return Keypoints.read(keypoint_set_of_length(len(px)), px)
