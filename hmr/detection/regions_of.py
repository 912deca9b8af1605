"""Where BlazePose looks for somebody who was found: centred on the hips, large enough for all of the body, upright."""

from __future__ import annotations

import numpy as np

from hmr.detection.found import Found
from hmr.detection.region import Region, upright_turn
from hmr.keypoint_sets import COCO_17

_HIPS = [COCO_17.place["left_hip"], COCO_17.place["right_hip"]]
_SHOULDERS = [COCO_17.place["left_shoulder"], COCO_17.place["right_shoulder"]]
#: Times the body's reach from the hips, as MediaPipe's own circle around the body, with room.
_ENLARGE = 2.5
_SURE, _LEAST = 0.2, 0.1


def region_of(person: Found) -> Region:
    """By the hips and shoulders; the box, upright, where the hips are not seen."""
    low, high = person.box_xyxy[:2], person.box_xyxy[2:]
    half_px = float((high - low).max()) / 2
    places, confidence = person.px[:, :2], person.px[:, 2]
    if confidence[_HIPS].min() < _LEAST:
        x, y = (low + high) / 2
        return Region((float(x), float(y)), half_px * _ENLARGE)
    hips = places[_HIPS].mean(0)
    reach_px = np.linalg.norm(places[confidence > _SURE] - hips, axis=1).max(initial=half_px)
    turn = upright_turn(places[_SHOULDERS].mean(0) - hips)
    return Region((float(hips[0]), float(hips[1])), float(reach_px) * _ENLARGE, turn)


def varied(region: Region, count: int) -> list[Region]:
    """The region itself and others about it, in the order in which they help (``hmr.detection.config.MOST_LOOKS`` at most)."""
    regions = [
        region, region.changed(mirrored=True), region.changed(1.15), region.changed(0.9), region.changed(turn_rad=0.4),
        region.changed(turn_rad=-0.4), region.changed(0.75), region.changed(1.3),
    ]  # fmt: skip
    return regions[:count]
