"""Several looks at a person: what they agree on, mirrors, and a detector of stand-ins for both networks."""

import numpy as np
import pytest
import torch

from hmr.detection.blazepose import MIRRORED, Landmarks, _landmarks, refined
from hmr.detection.config import MOST_LOOKS, DetectorConfig
from hmr.detection.consensus import agreed, agreement, nearest_to
from hmr.detection.found import Found
from hmr.detection.photo_detector import PhotoDetector
from hmr.detection.region import Region
from hmr.detection.regions_of import varied
from hmr.keypoint_sets import BLAZEPOSE_33, COCO_17


def test_most_looks_are_believed_and_an_outlier_is_not_averaged_in():
    px = np.array([[[10, 10]], [[11, 10]], [[12, 10]], [[60, 70]]], np.float32)
    x, y, share = agreed(px, np.ones((4, 1)), 100.0)[0]
    assert (x, y) == (pytest.approx(11), pytest.approx(10))
    assert share == pytest.approx(0.75, abs=0.02)


def test_agreement_by_hand():
    alike = agreement(np.array([[[0, 0]], [[5, 0]], [[500, 0]]], np.float32), 100.0)[..., 0]
    assert np.allclose(np.diag(alike), 1)
    assert alike[0, 1] == alike[1, 0] == pytest.approx(np.exp(-0.5))
    assert alike[0, 2] == pytest.approx(0)


def test_a_look_without_a_word_counts_nothing():
    px = np.array([[[10, 10], [0, 0]], [[90, 90], [0, 0]], [[90, 90], [0, 0]]], np.float32)
    weights = np.array([[1, 0], [0, 0], [0, 0]], np.float32)
    together = agreed(px, weights, 100.0)
    assert together[0].tolist() == [10, 10, 1]
    assert together[1, 2] == 0


def test_the_nearest_look():
    px = np.array([[[50, 50]], [[12, 10]], [[30, 10]]], np.float32)
    assert nearest_to(np.array([[10, 10, 1]], np.float32), px, 100.0) == 1


def test_in_a_mirror_left_is_right():
    assert BLAZEPOSE_33.points[MIRRORED[BLAZEPOSE_33.place["mouth_left"]]] == "mouth_right"
    assert BLAZEPOSE_33.points[MIRRORED[BLAZEPOSE_33.place["left_eye_inner"]]] == "right_eye_inner"
    assert MIRRORED[0] == 0
    assert [MIRRORED[i] for i in MIRRORED] == list(range(33))


@pytest.mark.parametrize("turn", [0.0, 0.6, -2.0])
def test_a_network_that_sees_everything_says_the_same_of_a_mirrored_crop(turn):
    """What lies somewhere on the photograph comes back to there, 3D too, from the plain and the mirrored crop."""
    random = np.random.default_rng(0)
    px = random.uniform(0, 60, (33, 2)).astype(np.float32)
    world = random.normal(size=(33, 3)).astype(np.float32)
    for region in (Region((30, 20), 40, turn), Region((30, 20), 40, turn, mirrored=True)):
        order = MIRRORED if region.mirrored else list(range(33))
        seen = np.concatenate([region.from_photograph(px), np.full((33, 1), 0.5, np.float32)], 1)[order]
        seen_world = np.concatenate([world[:, :2] @ region.R_photo_crop, world[:, 2:]], 1)[order]
        landmarks = _landmarks(region, 1.0, seen, seen_world, torch.zeros(4, 4))
        assert np.allclose(landmarks.px[:, :2], px, atol=1e-3)
        assert np.allclose(landmarks.world_m, world, atol=1e-5)


def test_the_first_look_is_the_region_itself():
    region = Region((3.0, 4.0), 10.0, 0.1)
    assert varied(region, 1) == [region]
    assert len(set(varied(region, MOST_LOOKS))) == MOST_LOOKS


def naively_refined(place: np.ndarray, heat: np.ndarray) -> np.ndarray:
    cells = heat.shape[0]
    column, row = (int(v) for v in place * cells)
    if place.min() < 0 or max(column, row) >= cells:
        return place
    total, moment = 0.0, np.zeros(2)
    most = 0.0
    for r in range(max(0, row - 3), min(cells, row + 4)):
        for c in range(max(0, column - 3), min(cells, column + 4)):
            most = max(most, heat[r, c])
            total += heat[r, c]
            moment += heat[r, c] * np.array([c, r])
    return moment / total / cells if most >= 0.5 else place


def test_points_move_to_their_heat_as_when_it_is_done_one_by_one():
    random = np.random.default_rng(0)
    places = random.uniform(-0.1, 1.1, (3, 40, 2)).astype(np.float32)
    heat = random.uniform(0, 1, (3, 40, 16, 16)).astype(np.float32)
    heat[:, ::2] *= 0.4  # too low to follow
    found = refined(torch.from_numpy(places), torch.from_numpy(heat)).numpy()
    expected = [[naively_refined(p, h) for p, h in zip(*each, strict=True)] for each in zip(places, heat, strict=True)]
    assert np.allclose(found, expected, atol=1e-5)


def person(x: float, score: float, height: float = 40.0) -> Found:
    px = np.zeros((17, 3), np.float32)
    px[:, 0], px[:, 1], px[:, 2] = x, np.linspace(5, 5 + height, 17), 0.9
    return Found(np.array([x - 8, 5, x + 8, 5 + height], np.float32), score, px)


class Finder:
    def __init__(self, *people: Found) -> None:
        self.found = list(people)

    def people(self, photograph, sizes, quarters, min_score):
        return [p for p in self.found if p.score >= min_score]


class Refiner:
    """Sees keypoints on a line about the region's centre; so sure of a person."""

    def __init__(self, flag: float) -> None:
        self.flag = flag

    def look(self, photograph, regions, masks):
        out = []
        for region in regions:
            px = np.full((33, 3), 0.9, np.float32)
            px[:, 0], px[:, 1] = region.centre_px[0], np.linspace(5, 45, 33)
            out.append(Landmarks(region, self.flag, px, np.zeros((33, 3), np.float32), torch.ones(8, 8)))
        return out


def detector(flag: float, *people: Found, **settings) -> PhotoDetector:
    return PhotoDetector(DetectorConfig(**settings), Finder(*people), Refiner(flag))  # type: ignore[arg-type]


PICTURE = np.zeros((50, 200, 3), np.uint8)


@pytest.mark.parametrize("looks", [1, 4])
def test_whom_the_refiner_sees_has_its_keypoints_and_a_mask(looks):
    (one,) = detector(0.9, person(30, 0.6), looks=looks).people(PICTURE)
    assert one.keypoints.of is BLAZEPOSE_33
    assert one.score == 0.6
    assert one.mask is not None
    assert one.mask.shape == (50, 200)
    assert one.box_xyxy == (22, 5, 38, 45)


def test_whom_it_does_not_see_keeps_the_finder_s():
    (one,) = detector(0.3, person(30, 0.6)).people(PICTURE)
    assert one.keypoints.of is COCO_17
    assert one.mask is None


def test_one_person_who_was_found_in_whole_and_in_half_is_one():
    half = person(30, 0.3, 18)
    people = detector(0.9, person(30, 0.6), half, person(150, 0.2)).people(PICTURE)
    assert [p.score for p in people] == [0.6, 0.2]


def test_few_people_means_the_largest_and_unsure_ones_are_left_out():
    three = (person(30, 0.6, 20), person(90, 0.5), person(150, 0.4, 30), person(190, 0.1))
    assert [p.score for p in detector(0.3, *three, max_people=2).people(PICTURE)] == [0.5, 0.4]
    assert len(detector(0.3, *three).people(PICTURE)) == 3
    assert detector(0.3).people(PICTURE) == []


@pytest.mark.parametrize(
    ("turned", "score", "sides"),
    [("doubtful", 0.6, [0]), ("doubtful", 0.3, [0, 1, 2, 3]), ("always", 0.6, [0, 1, 2, 3]), ("never", 0.3, [0])],
)
def test_other_sides_are_looked_at_where_nobody_is_surely_found(turned, score, sides):
    class Asked(Finder):
        def people(self, photograph, sizes, quarters, min_score):
            self.asked.extend((quarter, *sizes) for quarter in quarters)
            return super().people(photograph, sizes, quarters, min_score)

    finder = Asked(person(30, score))
    finder.asked = []
    found = PhotoDetector(DetectorConfig(turned=turned), finder, Refiner(0.9)).people(PICTURE)  # type: ignore[arg-type]
    assert len(found) == 1
    assert finder.asked == [(quarter, 256, 512) for quarter in sides]


@pytest.mark.parametrize(
    "wrong", [{"sizes": ()}, {"sizes": (8,)}, {"looks": 0}, {"looks": 9}, {"min_score": 2}, {"max_people": 0}]
)
def test_settings_that_are_none_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        DetectorConfig(**wrong)
