"""Where commands know people from: files that the user gives, a detector, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from adhmr.picture_options import PeopleOptions
from hmr.detection.weights import WeightsMissing
from hmr.files import sha256_of
from hmr.photographs.folder import Photographs
from hmr.photographs.keypoint_files import read_keypoints
from hmr.photographs.people import read_people
from hmr.photographs.sources import PeopleSource, WholePictures

_WITHOUT = (
    "note: no keypoints: one person is assumed to fill each photograph, and this generator, which is told keypoints, guesses "
    "its pose. Give --keypoints, or let a detector find people (adhmr weights fetch)."
)


def people_source(
    options: PeopleOptions, photographs: Photographs, prompted: bool, device: str, tell: Callable[[str], None]
) -> PeopleSource:
    """prompted: whether the generator is told keypoints. Raises ValueError for files that are not what they should be."""
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


def source_marks(options: PeopleOptions, source: PeopleSource) -> dict[str, Any]:
    """What the people of ``source`` follow from, beside the photographs."""
    if isinstance(source, WholePictures):
        return {"people": "whole photographs"}
    for name in ("keypoints", "boxes"):
        if (path := getattr(options, name)) is not None:
            return {"people": name, "content": sha256_of(path)}
    return {"people": "detected", "detection": asdict(options.detection)}
