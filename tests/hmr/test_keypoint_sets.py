"""Named sets of keypoints: maps between them are computed, and what is not known stays unknown."""

import numpy as np
import pytest

from hmr.keypoint_sets import (
    BLAZEPOSE_33,
    COCO_17,
    COCO_WHOLEBODY,
    KEYPOINT_SETS,
    LSP_14,
    PROMPT_POINTS,
    Keypoints,
    keypoint_set,
    keypoint_set_of_length,
)


def test_every_set_names_each_point_once_and_is_told_by_its_length():
    for name, of in KEYPOINT_SETS.items():
        assert len(set(of.points)) == len(of)
        assert keypoint_set(name) is of
        assert keypoint_set_of_length(len(of)) is of
    assert [len(s) for s in KEYPOINT_SETS.values()] == [17, 133, 33, 25, 24, 14]
    with pytest.raises(ValueError, match=r"no known set has 15 .* 17 \(coco17\)"):
        keypoint_set_of_length(15)


def test_the_order_of_coco_in_blazepose_is_the_published_one():
    here, there = BLAZEPOSE_33.taken_to(COCO_17)
    assert there == list(range(17))
    assert here == [0, 2, 5, 7, 8, *range(11, 17), *range(23, 29)]


def test_what_a_set_lacks_is_unknown_and_a_middle_is_made_of_its_sides():
    px = np.arange(14 * 3, dtype=np.float32).reshape(14, 3)
    px[:, 2] = 0.5
    told = Keypoints.read(LSP_14, px).taken_to(PROMPT_POINTS)
    place = PROMPT_POINTS.place
    assert told.px[place["nose"], 2] == 0
    np.testing.assert_array_equal(told.px[place["right_ankle"]], [0, 1, 0.5])
    np.testing.assert_array_equal(told.px[place["neck"]], px[12])  # LSP marks it itself
    hips = px[[2, 3], :2].mean(0)
    np.testing.assert_array_equal(told.px[place["mid_hip"]], [*hips, 0.5])
    px[2, 2] = 0
    assert Keypoints.read(LSP_14, px).taken_to(PROMPT_POINTS).px[place["mid_hip"], 2] == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_none_say_nothing(bad):
    px = np.ones((17, 3), np.float32)
    px[3, 0], px[4, 2], px[5, 2] = bad, -1, 7
    found = Keypoints.read(COCO_17, px)
    assert found.count == 15
    assert found.px[5, 2] == 1
    with pytest.raises(ValueError, match="finite places"):
        Keypoints(COCO_17, px)
    with pytest.raises(ValueError, match=r"\(133, 3\) numbers, got \(17, 3\)"):
        Keypoints.read(COCO_WHOLEBODY, px)
