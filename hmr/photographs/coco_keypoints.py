"""Keypoints of a COCO annotation, and boxes about keypoints."""

from __future__ import annotations

from typing import Any

import numpy as np

from hmr.keypoint_sets import COCO_17, COCO_WHOLEBODY, Keypoints, keypoint_set_of_length

_WHOLEBODY = ("foot_kpts", "face_kpts", "lefthand_kpts", "righthand_kpts")


def keypoints_of_coco(note: dict[str, Any]) -> Keypoints | None:
    """Of an annotation: 17 of COCO, 133 where feet, face and hands are given, or as many as some known set has. Their third
    numbers are visibilities 0, 1, 2, where any is above 1, otherwise confidences. None where there are none.

    Raises ValueError for keypoints of no known set.
    """
    given = note.get("keypoints")
    if given is None:
        return None
    px = triples(given)
    of = keypoint_set_of_length(len(px))
    if of is COCO_17 and all(note.get(name) is not None for name in _WHOLEBODY):
        px = np.concatenate([px, *(triples(note[name]) for name in _WHOLEBODY)])
        of = COCO_WHOLEBODY
    if px.size and np.nanmax(px[:, 2]) > 1:  # 2: seen, 1: hidden, 0: not marked
        px[:, 2] = px[:, 2] / 2
    found = Keypoints.read(of, px)
    return found if found.count else None


def triples(values: Any) -> np.ndarray:
    try:
        flat = np.asarray(values, dtype=np.float32).reshape(-1)
        return flat.reshape(-1, 3).copy()
    except (TypeError, ValueError):
        raise ValueError("its keypoints are not x, y and visibility of each point") from None


def box_of_keypoints(keypoints: Keypoints, grow: float = 0.1) -> tuple[float, float, float, float]:
    """About what is marked, a little larger: keypoints lie inside a person. Raises ValueError for fewer than two points."""
    if keypoints.count < 2:
        raise ValueError(f"{keypoints.count} of its keypoints are marked; without a box two are needed")
    xy = keypoints.px[keypoints.px[:, 2] > 0, :2]
    low, high = xy.min(0), xy.max(0)
    more = grow * max(float((high - low).max()), 2.0)
    x0, y0, x1, y1 = (float(v) for v in (*(low - more), *(high + more)))
    return x0, y0, x1, y1
