"""Keypoints that other tools wrote: COCO's json, OpenPose's folder of a json for each photograph, and tables."""

from __future__ import annotations

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
        return OpenPoseFolder.at(path)
    if path.suffix.lower() == ".csv":
        return read_csv_keypoints(path, photographs)
    return read_people(path, photographs, with_keypoints=True)


@dataclass(frozen=True)
class OpenPoseFolder:
    """NAME_keypoints.json for the photograph NAME.jpg."""

    files: dict[str, Path]
    skipped: list[Skipped]

    @classmethod
    def at(cls, folder: Path) -> OpenPoseFolder:
        """Raises ValueError when there is no such file."""
        files = {p.stem.removesuffix(_OPENPOSE): p for p in sorted(folder.rglob(f"*{_OPENPOSE}.json"))}
        if not files:
            raise ValueError(f"{folder}: expected OpenPose's NAME_keypoints.json files, there are none")
        return cls(files, [])

    def people_of(self, name: str, key: str, photograph: np.ndarray) -> tuple[list[Person], list[Skipped]]:
        """As ``PeopleSource``."""
        path = self.files.get(PurePosixPath(name).stem)
        if path is None:
            return [], [Skipped(name, f"no {PurePosixPath(name).stem}{_OPENPOSE}.json")]
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
