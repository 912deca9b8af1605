"""A detector as a source of people."""

from __future__ import annotations

import numpy as np

from hmr.detection.protocol import Detector
from hmr.photographs.folder import Skipped
from hmr.photographs.people import Person, check_box


class DetectedPeople:
    """The people that a detector finds, the surest first."""

    def __init__(self, detector: Detector) -> None:
        self.detector = detector
        self.skipped: list[Skipped] = []

    def people_of(self, name: str, key: str, photograph: np.ndarray) -> tuple[list[Person], list[Skipped]]:
        h, w = photograph.shape[:2]
        found = []
        for person in self.detector.people(photograph):
            try:
                check_box(person.box_xyxy, w, h)
            except ValueError:
                continue
            found.append(Person(f"{key}-{len(found):02d}", person.box_xyxy, person.keypoints, person.mask))
        return found, [] if found else [Skipped(name, "the detector found nobody")]
