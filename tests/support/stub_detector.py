"""A detector that finds what a test says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from hmr.detection.photo_detector import PhotoDetector
from hmr.detection.protocol import Detected
from hmr.keypoint_sets import COCO_17, Keypoints

#: Somebody who stands, 30 wide and 80 tall, from the upper left corner of their box: x, y of COCO's points.
_STANDING = (
    (15, 8), (17, 6), (13, 6), (19, 8), (11, 8), (22, 20), (8, 20), (26, 33), (4, 33), (27, 45), (3, 45), (19, 44), (11, 44),
    (19, 60), (11, 60), (19, 76), (11, 76),
)  # fmt: skip


def walking(x: float, y: float = 5) -> Detected:
    """Somebody whose box begins at x, y."""
    px = np.array([(x + a, y + b, 0.9) for a, b in _STANDING], np.float32)
    return Detected((x, y, x + 30, y + 80), 0.9, Keypoints.read(COCO_17, px))


class Finds:
    """people_of: of the number of a picture, counted as they come."""

    def __init__(self, people_of: Callable[[int], list[Detected]]) -> None:
        self._people_of = people_of
        self._number = 0

    def people(self, photograph: np.ndarray) -> list[Detected]:
        del photograph
        self._number += 1
        return self._people_of(self._number - 1)


def found_by(monkeypatch: pytest.MonkeyPatch, detector: Finds) -> None:
    """The house's detector is this one from now on."""
    monkeypatch.setattr(PhotoDetector, "load", lambda *_, **__: detector)
