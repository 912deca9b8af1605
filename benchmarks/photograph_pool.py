"""Unlabelled photographs for alignment: one person of each, as a detector says, kept in a folder as the work goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from benchmarks.detected_photographs import DetectedMarks, pictured
from benchmarks.marked_photographs import MarkedPeople
from hmr.body_codec import read_arrays, write_arrays
from hmr.detection.config import DetectorConfig
from hmr.detection.photo_detector import PhotoDetector
from hmr.detection.protocol import Detected
from hmr.keypoint_sets import PROMPT_POINTS
from hmr.photographs.read import read_photograph
from hmr.views import Views

#: Half as long as the default, and 3 points of PCK@0.1 worse (docs/photographs.md).
QUICK = DetectorConfig(sizes=(256,), landmarks="full", looks=2, masks=False)
_AT_ONCE, _FEWEST = 100, 6


def pool_names(lspet: Path, most: int | None) -> list[str]:
    """The photographs' names; what is marked in them is not read."""
    return [str(name) for name in np.load(lspet / "pool.npz")["image"][:most]]


def detected_people(
    names: list[str], images: Path, kept: Path, weights: Path | None = None,
    at: Callable[[float], None] = lambda share: None,
) -> tuple[list[str], DetectedMarks]:  # fmt: skip
    """The largest person of each photograph in whom at least six points are marked, and the photographs that have one.

    kept: folder of what was found before, by a hundred photographs.
    """
    detector: PhotoDetector | None = None
    found: list[str] = []
    parts: list[DetectedMarks] = []
    for start in range(0, len(names), _AT_ONCE):
        some = names[start : start + _AT_ONCE]
        path = kept / f"{start:05d}-{len(some)}.npz"
        if not path.exists():
            detector = detector or PhotoDetector.load(QUICK, folder=weights)
            kept.mkdir(parents=True, exist_ok=True)
            write_arrays(path, _looked_at(detector, some, images))
        arrays = read_arrays(path)
        found += [str(name) for name in arrays["name"]]
        parts.append(DetectedMarks(torch.from_numpy(arrays["px"]), torch.from_numpy(arrays["box_xyxy"])))
        at(min((start + _AT_ONCE) / len(names), 1.0))
    px, boxes = torch.cat([part.px for part in parts]), torch.cat([part.box_xyxy for part in parts])
    return found, DetectedMarks(px, boxes)


def _looked_at(detector: PhotoDetector, names: list[str], images: Path) -> dict[str, np.ndarray]:
    largest = {name: _largest(detector.people(read_photograph(images / name))) for name in names}
    people = {name: person for name, person in largest.items() if person is not None}
    px = [person.keypoints.taken_to(PROMPT_POINTS).px for person in people.values()]
    boxes = [person.box_xyxy for person in people.values()]
    return {
        "name": np.array(list(people)),
        "px": np.array(px, np.float32).reshape(-1, len(PROMPT_POINTS), 3),
        "box_xyxy": np.array(boxes, np.float32).reshape(-1, 4),
    }


def _largest(people: list[Detected]) -> Detected | None:
    said = [person for person in people if person.keypoints.count >= _FEWEST]
    return max(said, key=_area, default=None)


def _area(person: Detected) -> float:
    x0, y0, x1, y1 = (float(value) for value in person.box_xyxy)
    return (x1 - x0) * (y1 - y0)


def views_of_pool(names: list[str], marks: DetectedMarks, images: Path, size: int) -> Views:
    """Crops about the detector's boxes, with its marks as prompts."""
    sizes = torch.zeros(len(names), 2, dtype=torch.long)  # of photographs that are read anyway
    return pictured(MarkedPeople(tuple(names), marks.px, sizes), marks, images, size)
