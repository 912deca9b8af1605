"""The detector that the house brings: MoveNet finds the people, BlazePose looks at each of them several times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from hmr.detection.blazepose import BlazePose, Landmarks
from hmr.detection.config import DetectorConfig
from hmr.detection.consensus import agreed, agreement, nearest_to, with_finder
from hmr.detection.fetch import fetched
from hmr.detection.found import Found, merged
from hmr.detection.movenet import MoveNet
from hmr.detection.protocol import Detected
from hmr.detection.regions_of import region_of, varied
from hmr.detection.weights import MOVENET, blazepose_name
from hmr.keypoint_sets import BLAZEPOSE_33, COCO_17, Keypoints

#: From this flag on BlazePose's word is taken; below it MoveNet's keypoints are better. Above it the flag says no more: the
#: look with the highest one is worse than the first by far (PCK@0.1 62 and 74 on LSPET).
TRUSTED_FLAG = 0.5
_OTHER_SIDES = (1, 2, 3)
#: Of the surest person; below it the photograph is looked at from other sides, where ``turned`` is doubtful. Chosen on LSPET's
#: validation people: 0.2 [0, 0.5] points of PCK@0.1 less than always, for 61 % of its photographs (0.4: 0.5 less, for 31 %).
_SURELY_FOUND = 0.5
#: Of a photograph that is larger a copy of this longer side is looked at: a person is looked at in 256 px, and many bytes are
#: needed for each pixel.
LARGEST_SIDE_PX = 4096
#: Of the finder's word beside a look's, times its score, which is about a half for people who are well seen.
_FINDER_WEIGHT = 2.0
_SAME = 0.5


@dataclass(frozen=True, eq=False)
class Looked:
    """Somebody, as both networks say.

    Attributes:
        found: what the finder saw.
        landmarks: the refiner's look that says most of what all of its looks agree on; 3D and mask are its own.
        keypoints: BlazePose's 33 where it is trusted, otherwise MoveNet's 17.
    """

    found: Found
    landmarks: Landmarks
    keypoints: Keypoints

    @property
    def trusted(self) -> bool:
        """Whether the refiner saw a person there."""
        return self.landmarks.flag >= TRUSTED_FLAG


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
        """photograph: (h, w, 3) uint8, upright. The surest first. Of a very large one a smaller copy is looked at."""
        size_wh = (photograph.shape[1], photograph.shape[0])
        return [self._detected(looked, size_wh) for looked in self.looked_at(_not_too_large(photograph))]

    def looked_at(self, photograph: np.ndarray) -> list[Looked]:
        """The same people with all that is known of them."""
        config = self.config
        people = self._found(photograph)
        regions = [region for person in people for region in varied(region_of(person), config.looks)]
        looks = self.refiner.look(photograph, regions, config.masks)
        each = [looks[i * config.looks : (i + 1) * config.looks] for i in range(len(people))]
        return _largest(_apart([_together(*both) for both in zip(people, each, strict=True)]), config.max_people)

    def _found(self, photograph: np.ndarray) -> list[Found]:
        """As it is, and from other sides where that is asked for or needed."""
        config = self.config
        upright = self.finder.people(photograph, config.sizes, (0,), config.min_score)
        surely = any(person.score >= _SURELY_FOUND for person in upright)
        if config.turned == "never" or (config.turned == "doubtful" and surely):
            return upright
        turned = self.finder.people(photograph, config.sizes, _OTHER_SIDES, config.min_score)
        return merged([*upright, *turned])

    def _detected(self, looked: Looked, size_wh: tuple[int, int]) -> Detected:
        """size_wh: of the photograph, which may be larger than what was looked at."""
        seen_wh = _seen_wh(size_wh)
        times = np.array(size_wh) / seen_wh
        mask = None
        if self.config.masks and looked.trusted:
            mask = _of_size(looked.landmarks.mask(seen_wh), size_wh)
        x0, y0, x1, y1 = (float(v) for v in looked.found.box_xyxy * np.tile(times, 2))
        px = looked.keypoints.px * np.array([*times, 1], np.float32)
        return Detected((x0, y0, x1, y1), looked.found.score, Keypoints.read(looked.keypoints.of, px), mask)


def _seen_wh(size_wh: tuple[int, int]) -> tuple[int, int]:
    """Width and height at which a photograph is looked at."""
    share = min(1.0, LARGEST_SIDE_PX / max(size_wh))
    return max(round(share * size_wh[0]), 1), max(round(share * size_wh[1]), 1)


def _not_too_large(photograph: np.ndarray) -> np.ndarray:
    size_wh = (photograph.shape[1], photograph.shape[0])
    seen_wh = _seen_wh(size_wh)
    if seen_wh == size_wh:
        return photograph
    return np.asarray(Image.fromarray(photograph).resize(seen_wh, Image.Resampling.BILINEAR, reducing_gap=2))


def _of_size(mask: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """(h, w) float32 in another size."""
    if mask.shape == size_wh[::-1]:
        return mask
    return np.asarray(Image.fromarray(mask).resize(size_wh, Image.Resampling.BILINEAR))


def _together(found: Found, looks: Sequence[Landmarks]) -> Looked:
    """What the looks at somebody and the finder say together. One look alone is taken at its word."""
    px = np.stack([look.px for look in looks])
    if len(looks) == 1:
        best, keypoints = looks[0], looks[0].keypoints
    else:
        candidates, weights = with_finder(px[..., :2], found.px[:, :2], _FINDER_WEIGHT * found.score)
        together = agreed(candidates, weights, found.size_px)
        best = looks[nearest_to(together, px[..., :2], found.size_px)]
        keypoints = Keypoints.read(BLAZEPOSE_33, together)
    if best.flag < TRUSTED_FLAG:
        keypoints = Keypoints.read(COCO_17, found.px)
    return Looked(found, best, keypoints)


def _apart(people: Sequence[Looked]) -> list[Looked]:
    """Each once: the finder may see a whole person and a half of the same, and the refiner looks at one person in both."""
    kept: list[Looked] = []
    for person in sorted(people, key=lambda each: -each.found.score):
        if not any(_is_same(person, other) for other in kept):
            kept.append(person)
    return kept


def _is_same(one: Looked, other: Looked) -> bool:
    px = np.stack([person.keypoints.taken_to(COCO_17).px[:, :2] for person in (one, other)])
    size_px = max(one.found.size_px, other.found.size_px)
    return float(agreement(px, size_px)[0, 1].mean()) > _SAME


def _largest(people: list[Looked], most: int | None) -> list[Looked]:
    """The largest so many, still the surest first."""
    if most is None or len(people) <= most:
        return people
    least_area = sorted((person.found.area for person in people), reverse=True)[most - 1]
    return [person for person in people if person.found.area >= least_area][:most]
