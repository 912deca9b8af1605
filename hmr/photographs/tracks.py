"""Who is who from frame to frame: greedy matching of boxes by their overlap (as SORT does, without its motion model).

Bewley et al., "Simple online and realtime tracking" (2016); Bochinski et al., "High-speed tracking-by-detection" (2017).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


def overlaps(one_xyxy: np.ndarray, other_xyxy: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes (m, 4) with boxes (n, 4), x0 y0 x1 y1, as (m, n); 0 where both are empty."""
    one, other = one_xyxy[:, None].astype(np.float64), other_xyxy[None].astype(np.float64)
    sides = np.minimum(one[..., 2:], other[..., 2:]) - np.maximum(one[..., :2], other[..., :2])
    common = np.maximum(sides, 0).prod(-1)
    areas = [np.maximum(box[..., 2:] - box[..., :2], 0).prod(-1) for box in (one, other)]
    return common / np.maximum(areas[0] + areas[1] - common, 1e-9)


@dataclass
class Tracker:
    """People of one video.

    Attributes:
        least_overlap: of a person's box with their last one.
        longest_gap: frames in a row in which somebody may be missing and is still the same.
    """

    least_overlap: float = 0.3
    longest_gap: int = 10
    _box_xyxy: dict[int, np.ndarray] = field(default_factory=dict, init=False)
    _missing: dict[int, int] = field(default_factory=dict, init=False)
    _next: int = field(default=0, init=False)

    def follow(self, boxes_xyxy: np.ndarray) -> list[int]:
        """The track of each box (p, 4) of the next frame: the largest overlaps are matched first, the rest are new people."""
        boxes = np.asarray(boxes_xyxy, dtype=np.float64).reshape(-1, 4)
        track = self._matched(boxes)
        for number in range(len(boxes)):
            if number not in track:
                track[number] = self._next
                self._next += 1
        seen = set(track.values())
        self._missing = {t: 0 if t in seen else self._missing[t] + 1 for t in {*self._missing, *seen}}
        self._missing = {t: frames for t, frames in self._missing.items() if frames <= self.longest_gap}
        last = {**self._box_xyxy, **{t: boxes[number] for number, t in track.items()}}
        self._box_xyxy = {t: box for t, box in last.items() if t in self._missing}
        return [track[number] for number in range(len(boxes))]

    def _matched(self, boxes: np.ndarray) -> dict[int, int]:
        """Number of a box to its track, where it has one."""
        known = sorted(self._box_xyxy)
        if not known or not len(boxes):
            return {}
        overlap = overlaps(np.stack([self._box_xyxy[t] for t in known]), boxes)
        out: dict[int, int] = {}
        while (best := float(overlap.max())) >= self.least_overlap and best > 0:
            row, number = np.unravel_index(int(overlap.argmax()), overlap.shape)
            out[int(number)] = known[row]
            overlap[row, :] = overlap[:, number] = -1
        return out
