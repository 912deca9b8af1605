"""The detector that the house brings: MoveNet finds the people, BlazePose looks at each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hmr.detection.blazepose import BlazePose, Landmarks
from hmr.detection.config import DetectorConfig
from hmr.detection.fetch import fetched
from hmr.detection.found import Found
from hmr.detection.movenet import MoveNet
from hmr.detection.protocol import Detected
from hmr.detection.regions_of import region_of, retried
from hmr.detection.weights import MOVENET, blazepose_name
from hmr.keypoint_sets import COCO_17, Keypoints

#: From this flag on BlazePose's word is taken; below it MoveNet's keypoints are better.
TRUSTED_FLAG = 0.5
_ALL_SIDES = (0, 1, 2, 3)


@dataclass(frozen=True, eq=False)
class Looked:
    """Somebody, as both networks say: what the finder saw, and what the refiner saw there."""

    found: Found
    landmarks: Landmarks

    @property
    def trusted(self) -> bool:
        return self.landmarks.flag >= TRUSTED_FLAG

    @property
    def keypoints(self) -> Keypoints:
        """BlazePose's 33 where it is trusted, otherwise MoveNet's 17."""
        return self.landmarks.keypoints if self.trusted else Keypoints.read(COCO_17, self.found.px)


class PhotoDetector:
    """A ``Detector``. ``looked_at`` has more to say: both networks' words and bodies in 3D."""

    def __init__(self, config: DetectorConfig, finder: MoveNet, refiner: BlazePose) -> None:
        self.config = config
        self.finder = finder
        self.refiner = refiner

    @classmethod
    def load(
        cls,
        config: DetectorConfig | None = None,
        folder: Path | None = None,
        device: str = "cpu",
        offline: bool = False,
        tell: Callable[[str], None] = print,
    ) -> PhotoDetector:
        """With the weights in ``folder`` (or where they are kept), fetched when they are not there yet.

        Raises as ``hmr.detection.fetch.fetched``.
        """
        config = config or DetectorConfig()
        landmarks = blazepose_name(config.landmarks)
        paths = fetched([*MOVENET, landmarks], folder, offline, tell)
        return cls(config, MoveNet(paths[MOVENET[0]], device), BlazePose(paths[landmarks], device))

    def people(self, photograph: np.ndarray) -> list[Detected]:
        """photograph: (h, w, 3) uint8, upright. The surest first."""
        size_wh = (photograph.shape[1], photograph.shape[0])
        return [self._detected(looked, size_wh) for looked in self.looked_at(photograph)]

    def looked_at(self, photograph: np.ndarray) -> list[Looked]:
        """The same people with all that is known of them."""
        people = self._found(photograph)
        landmarks = self._landmarks(photograph, people)
        return [Looked(person, seen) for person, seen in zip(people, landmarks, strict=True)]

    def _found(self, photograph: np.ndarray) -> list[Found]:
        config = self.config
        quarters = _ALL_SIDES if config.turned else (0,)
        people = self.finder.people(photograph, config.sizes, quarters, config.min_score)
        if config.max_people is not None and len(people) > config.max_people:
            largest = sorted(people, key=lambda person: -person.area)[: config.max_people]
            people = [person for person in people if any(person is each for each in largest)]
        return people

    def _landmarks(self, photograph: np.ndarray, people: list[Found]) -> list[Landmarks]:
        """Of each person the surest look; those of whom the first is not sure are looked at again, all together."""
        best = self.refiner.look(photograph, [region_of(person) for person in people])
        unsure = [i for i, seen in enumerate(best) if seen.flag < TRUSTED_FLAG] if self.config.retries else []
        again = [(i, region) for i in unsure for region in retried(best[i].region)]
        for (i, _), seen in zip(again, self.refiner.look(photograph, [region for _, region in again]), strict=True):
            if seen.flag > best[i].flag:
                best[i] = seen
        return best

    def _detected(self, looked: Looked, size_wh: tuple[int, int]) -> Detected:
        found, landmarks = looked.found, looked.landmarks
        mask = landmarks.mask(size_wh) if self.config.masks and looked.trusted else None
        x0, y0, x1, y1 = (float(v) for v in found.box_xyxy)
        return Detected((x0, y0, x1, y1), found.score, looked.keypoints, mask)
