"""What a detector finds of people whom humans marked, kept in a file: it takes seconds for each photograph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks.marked_photographs import MarkedPeople
from hmr.body_codec import read_arrays, write_arrays
from hmr.camera import default_K
from hmr.detection.photo_detector import PhotoDetector
from hmr.detection.protocol import Detected
from hmr.keypoint_sets import PROMPT_POINTS, Keypoints
from hmr.photographs.people import Person, crops
from hmr.photographs.read import read_photograph
from hmr.views import Views


@dataclass(frozen=True)
class DetectedMarks:
    """Of n people; nobody found: zeros.

    Attributes:
        px: (n, 24, 3) in the photographs' pixels.
        box_xyxy: (n, 4) pixels.
    """

    px: Tensor
    box_xyxy: Tensor

    @property
    def found(self) -> Tensor:
        """(n,) bool."""
        return (self.px[..., 2] > 0).any(1)


def detected_marks(
    people: MarkedPeople, images: Path, weights: Path | None, kept: Path | None = None,
    at: Callable[[float], None] = lambda share: None,
) -> DetectedMarks:  # fmt: skip
    """Of the person nearest to the humans' marks.

    images: the folder of the photographs. kept: a file that they are read from, or written to.
    """
    if kept is not None and kept.exists():
        arrays = read_arrays(kept)
        if tuple(map(str, arrays["name"])) != people.name:
            raise ValueError(f"{kept}: is of other photographs; remove it to look again")
        return DetectedMarks(torch.from_numpy(arrays["px"]), torch.from_numpy(arrays["box_xyxy"]))
    detector = PhotoDetector.load(folder=weights)
    out = DetectedMarks(torch.zeros_like(people.px), torch.zeros(len(people), 4))
    for i, name in enumerate(people.name):
        if (nearest := _nearest(detector.people(read_photograph(images / name)), people.px[i])) is not None:
            out.px[i] = torch.from_numpy(nearest.keypoints.taken_to(PROMPT_POINTS).px)
            out.box_xyxy[i] = torch.tensor(nearest.box_xyxy)
        at((i + 1) / len(people))
    if kept is not None:
        write_arrays(kept, {"name": np.array(people.name), "px": out.px.numpy(), "box_xyxy": out.box_xyxy.numpy()})
    return out


def _nearest(found: list[Detected], truth: Tensor) -> Detected | None:
    """By the mean distance of what both mark."""
    best, least = None, torch.inf
    for person in found:
        told = torch.from_numpy(person.keypoints.taken_to(PROMPT_POINTS).px)
        both = (told[:, 2] > 0) & (truth[:, 2] > 0)
        far = float((told[both, :2] - truth[both, :2]).norm(dim=-1).mean()) if both.any() else torch.inf
        if far < least:
            best, least = person, far
    return best


def pictured(people: MarkedPeople, marks: DetectedMarks, images: Path, size: int) -> Views:
    """Crops about the detector's boxes, with its marks as prompts. Raises ValueError for people who were not found."""
    parts = []
    for i, name in enumerate(people.name):
        photograph = read_photograph(images / name)
        h, w = photograph.shape[:2]
        x0, y0, x1, y1 = marks.box_xyxy[i].tolist()
        person = Person(f"{i:05d}", (x0, y0, x1, y1), Keypoints(PROMPT_POINTS, marks.px[i].numpy()))
        parts.append(crops(photograph, [person], size, default_K(w, h)))
    return Views.cat(parts)
