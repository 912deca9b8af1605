"""A detector as a source of people."""

from __future__ import annotations

import numpy as np

from hmr.detection.protocol import Detector
from hmr.photographs.folder import Skipped
from hmr.photographs.people import Person, check_person


class DetectedPeople:
    """The people that a detector finds, the surest first."""

    def __init__(self, detector: Detector) -> None:
        self.detector = detector
        self.skipped: list[Skipped] = []

    def people_of(self, name: str, key: str, photograph: np.ndarray) -> tuple[list[Person], list[Skipped]]:
        """As ``PeopleSource``."""
        found, skipped = [], []
        for number, person in enumerate(self.detector.people(photograph)):
            somebody = Person(f"{key}-{len(found):02d}", person.box_xyxy, person.keypoints, person.mask)
            try:
                check_person(somebody, photograph)
                found.append(somebody)
            except ValueError as error:
                skipped.append(Skipped(f"{name} detected person {number}", str(error)))
        return found, skipped or ([] if found else [Skipped(name, "the detector found nobody")])
