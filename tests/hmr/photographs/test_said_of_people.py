"""What is said of people must be of their photograph: keypoints, masks; and masks travel with the crop."""

import numpy as np
import pytest
import torch

from hmr.camera import default_K
from hmr.detection.protocol import Detected
from hmr.detection.source import DetectedPeople
from hmr.keypoint_sets import COCO_17, Keypoints
from hmr.photographs.people import Person, check_person, crops

PICTURE = np.zeros((80, 100, 3), np.uint8)
BOX = (20.0, 10.0, 60.0, 70.0)


def keypoints(x: float = 30, y: float = 40) -> Keypoints:
    return Keypoints.read(COCO_17, np.tile(np.array([x, y, 1], np.float32), (17, 1)))


class Finds:
    """A detector of what it is told to find."""

    def __init__(self, *people: Detected) -> None:
        self._people = list(people)

    def people(self, photograph: np.ndarray) -> list[Detected]:
        return self._people


def test_keypoints_and_masks_of_another_picture_are_refused():
    check_person(Person("a", BOX, keypoints(), np.zeros((80, 100))), PICTURE)
    check_person(Person("a", BOX, Keypoints.read(COCO_17, np.zeros((17, 3)))), PICTURE)
    with pytest.raises(ValueError, match="none of its keypoints is in the 100 x 80 picture"):
        check_person(Person("a", BOX, keypoints(300, 40)), PICTURE)
    with pytest.raises(ValueError, match="its mask is 50 x 80 px, the picture 100 x 80"):
        check_person(Person("a", BOX, None, np.zeros((80, 50))), PICTURE)


def test_a_detector_s_strange_people_are_listed():
    good, far = Detected(BOX, 0.9, keypoints()), Detected((500, 500, 600, 600), 0.5, keypoints())
    masked = Detected(BOX, 0.4, keypoints(), np.zeros((40, 50), np.float32))
    found, skipped = DetectedPeople(Finds(far, good, masked)).people_of("a.jpg", "a", PICTURE)
    assert [person.key for person in found] == ["a-00"]
    assert [s.what for s in skipped] == ["a.jpg detected person 0", "a.jpg detected person 2"]
    assert "outside" in skipped[0].reason
    assert "its mask is 50 x 40" in skipped[1].reason
    assert DetectedPeople(Finds()).people_of("a.jpg", "a", PICTURE)[1][0].reason == "the detector found nobody"


def test_a_mask_is_cut_as_the_picture_is():
    """The mask is drawn into the picture too: both crops agree, also beyond the picture's border."""
    mask = np.zeros((80, 100), np.float32)
    mask[30:60, 5:40] = 1
    picture = np.repeat((255 * mask[..., None]).astype(np.uint8), 3, 2)
    people = [Person("a", (-10.0, 10.0, 30.0, 90.0), keypoints(), mask), Person("b", BOX, keypoints(), 0.5 * mask)]
    views = crops(picture, people, 64, default_K(100, 80))
    cut = views.prompts.mask
    assert cut.dtype == torch.uint8
    assert cut.shape == (2, 64, 64)
    off = (cut[0].float() - views.rgb[0, 0].float()).abs()
    assert off.mean() < 2
    torch.testing.assert_close(cut[1].max(), torch.tensor(128, dtype=torch.uint8))


def test_a_mask_needs_no_keypoints_and_masks_of_some_are_left_out():
    mask = np.ones((80, 100), np.float32)
    alone = crops(PICTURE, [Person("a", BOX, None, mask)], 32, default_K(100, 80))
    assert alone.prompts.mask.min() == 255
    assert not alone.prompts.keypoints_px.any()
    some = crops(PICTURE, [Person("a", BOX, keypoints(), mask), Person("b", BOX, keypoints())], 32, default_K(100, 80))
    assert some.prompts.mask is None
