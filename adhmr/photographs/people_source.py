"""Where predict knows people from: files that the user gives, a detector, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from adhmr.option_types import DetectorKind
from hmr.detection.config import DetectorConfig
from hmr.detection.weights import WeightsMissing
from hmr.photographs.folder import Photographs
from hmr.photographs.keypoint_files import read_keypoints
from hmr.photographs.people import read_people
from hmr.photographs.sources import PeopleSource, WholePictures

_WITHOUT = (
    "note: no keypoints: one person is assumed to fill each photograph, and this generator, which is told keypoints, guesses "
    "its pose. Give --keypoints, or let a detector find people (adhmr weights fetch)."
)


@dataclass(frozen=True)
class PeopleOptions:
    """What the user says of where people are. detector: auto: wherever the generator is told keypoints and no file is given."""

    boxes: Path | None = None
    keypoints: Path | None = None
    detector: DetectorKind = "auto"
    detection: DetectorConfig = field(default_factory=DetectorConfig)
    offline: bool = False


def people_source(
    options: PeopleOptions, photographs: Photographs, prompted: bool, device: str, tell: Callable[[str], None]
) -> PeopleSource:
    """prompted: whether the generator is told keypoints. Raises ValueError for files that are not what they should be."""
    if options.keypoints is not None and options.boxes is not None:
        raise ValueError("give --keypoints or --boxes, one of the two: a person's box comes with its keypoints")
    if options.keypoints is not None:
        return read_keypoints(options.keypoints, photographs)
    if options.boxes is not None:
        if prompted:
            tell("note: boxes without keypoints: this generator, which is told keypoints, guesses the poses.")
        return read_people(options.boxes, photographs)
    if options.detector == "none" or (options.detector == "auto" and not prompted):
        if prompted:
            tell(_WITHOUT)
        return WholePictures()
    return _detected(options, device, tell)


def _detected(options: PeopleOptions, device: str, tell: Callable[[str], None]) -> PeopleSource:
    """Where the weights cannot be had the run goes on without a detector, unless it was asked for by name."""
    from hmr.detection.photo_detector import PhotoDetector
    from hmr.detection.source import DetectedPeople

    try:
        return DetectedPeople(PhotoDetector.load(options.detection, None, device, options.offline, tell))
    except WeightsMissing as error:
        if options.detector != "auto":
            raise
        tell(f"note: no detector ({error}).")
        tell(_WITHOUT)
        return WholePictures()
