"""People as a finder first sees them, and which of them are one and the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hmr.photographs.tracks import overlaps

#: COCO's spread of annotators' points over a person's size, by keypoint.
COCO_SIGMAS = np.array(
    [.026, .025, .025, .035, .035, .079, .079, .072, .072, .062, .062, .107, .107, .087, .087, .089, .089]
)  # fmt: skip
_SAME = 0.5


@dataclass(frozen=True, eq=False)
class Found:
    """Somebody in a photograph.

    Attributes:
        box_xyxy: (4,) pixels.
        score: in [0, 1].
        px: (17, 3) float32, COCO's keypoints: x, y in pixels and confidence.
    """

    box_xyxy: np.ndarray
    score: float
    px: np.ndarray

    @property
    def size_px(self) -> float:
        """The longer side of the box, at least one pixel."""
        return float(max((self.box_xyxy[2:] - self.box_xyxy[:2]).max(), 1.0))

    @property
    def area(self) -> float:
        """Square pixels of the box."""
        return float(np.prod(np.maximum(self.box_xyxy[2:] - self.box_xyxy[:2], 0)))

    def enlarged(self, factor: float) -> Found:
        """In pixels of a photograph that is so many times as large."""
        px = np.concatenate([self.px[:, :2] * factor, self.px[:, 2:]], 1).astype(np.float32)
        return replace(self, box_xyxy=(self.box_xyxy * factor).astype(np.float32), px=px)


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two boxes x0 y0 x1 y1; 0 where both are empty."""
    return float(overlaps(one[None], other[None])[0, 0])


def likeness(one: Found, other: Found) -> float:
    """COCO's object keypoint similarity, sized by the other's box: 1 where all keypoints fall together."""
    square = ((one.px[:, :2] - other.px[:, :2]) ** 2).sum(1)
    # 0.6 of a box is about the person's own area, which COCO's measure is made for.
    spread = 2 * 0.6 * max(other.area, 1.0) * (2 * COCO_SIGMAS) ** 2
    return float(np.exp(-square / spread).mean())


def merged(found: Sequence[Found]) -> list[Found]:
    """Each person once: of several whose boxes or keypoints fall together the surest. The surest person first."""
    kept: list[Found] = []
    for person in sorted(found, key=lambda each: -each.score):
        if not any(overlap(person.box_xyxy, k.box_xyxy) > _SAME or likeness(person, k) > _SAME for k in kept):
            kept.append(person)
    return kept


def turned_back(person: Found, quarters: int, size_wh: tuple[int, int]) -> Found:
    """From a photograph turned by ``quarters`` × 90° anticlockwise (``np.rot90``) to the photograph, of width and height."""
    corners = person.box_xyxy.reshape(2, 2)
    corners, px = (_turned_back(points, quarters % 4, size_wh) for points in (corners, person.px[:, :2]))
    box = np.concatenate([corners.min(0), corners.max(0)])
    return replace(person, box_xyxy=box, px=np.concatenate([px, person.px[:, 2:]], 1))


def _turned_back(points: np.ndarray, quarters: int, size_wh: tuple[int, int]) -> np.ndarray:
    """(p, 2)."""
    width, height = size_wh
    x, y = points[:, 0], points[:, 1]
    back = {0: (x, y), 1: (width - y, x), 2: (width - x, height - y), 3: (y, height - x)}
    return np.stack(back[quarters], 1)
