"""Of a very large photograph a smaller copy is looked at; what is found is told in the photograph's own pixels."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from hmr.detection.blazepose import Landmarks
from hmr.detection.config import DetectorConfig
from hmr.detection.found import Found
from hmr.detection.photo_detector import LARGEST_SIDE_PX, Looked, PhotoDetector
from hmr.detection.region import Region
from hmr.keypoint_sets import COCO_17, Keypoints


@dataclass
class Looks(PhotoDetector):
    """Finds one person at the same share of every picture."""

    config: DetectorConfig
    seen_wh: tuple[int, int] = (0, 0)

    def looked_at(self, photograph: np.ndarray) -> list[Looked]:
        h, w = photograph.shape[:2]
        self.seen_wh = (w, h)
        px = np.tile(np.array([0.5 * w, 0.5 * h, 1], np.float32), (17, 1))
        region = Region((0.5 * w, 0.5 * h), 0.5 * h)
        landmarks = Landmarks(region, 0.9, np.zeros((33, 3)), np.zeros((33, 3)), torch.ones(256, 256))
        found = Found(np.array([0.25 * w, 0.25 * h, 0.75 * w, 0.75 * h], np.float32), 0.9, px)
        return [Looked(found, landmarks, Keypoints.read(COCO_17, px))]


@pytest.mark.parametrize("size_wh", [(640, 400), (2 * LARGEST_SIDE_PX, 1000), (50, LARGEST_SIDE_PX + 1)])
def test_boxes_keypoints_and_masks_are_of_the_photograph(size_wh):
    w, h = size_wh
    detector = Looks(DetectorConfig(masks=True))
    [person] = detector.people(np.zeros((h, w, 3), np.uint8))
    assert max(detector.seen_wh) == min(max(size_wh), LARGEST_SIDE_PX)
    np.testing.assert_allclose(person.box_xyxy, [0.25 * w, 0.25 * h, 0.75 * w, 0.75 * h], rtol=1e-3)
    np.testing.assert_allclose(person.keypoints.px[3, :2], [0.5 * w, 0.5 * h], rtol=1e-3)
    assert person.mask.shape == (h, w)
    assert person.mask[h // 2, w // 2] > 0.9
    assert person.mask[0, 0] == 0
