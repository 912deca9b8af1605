"""What the rest of the house asks of anything that finds people in photographs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from hmr.keypoint_sets import Keypoints


@dataclass(frozen=True, eq=False)
class Detected:
    """One person, as a detector says.

    Attributes:
        box_xyxy: pixels of the photograph.
        score: in [0, 1], that it is a person.
        keypoints: in the same pixels.
        mask: (h, w) float32 in [0, 1] over the photograph, or None.
    """

    box_xyxy: tuple[float, float, float, float]
    score: float
    keypoints: Keypoints
    mask: np.ndarray | None = None


class Detector(Protocol):
    """Finds people, the surest first."""

    def people(self, photograph: np.ndarray) -> list[Detected]:
        """photograph: (h, w, 3) uint8, upright."""
        ...
