"""Who is who from frame to frame, by the overlap of boxes."""

import numpy as np
import pytest

from hmr.photographs.tracks import Tracker, overlaps


def box(x: float, y: float = 0, side: float = 10) -> list[float]:
    return [x, y, x + side, y + side]


def test_overlaps_by_hand():
    one, other = np.array([box(0), box(100)]), np.array([box(5), box(0), [3, 3, 3, 3]])
    np.testing.assert_allclose(overlaps(one, other), [[50 / 150, 1, 0], [0, 0, 0]])
    assert overlaps(np.zeros((0, 4)), other).shape == (0, 3)
    assert overlaps(np.zeros((1, 4)), np.zeros((1, 4))) == 0


def test_people_who_move_stay_who_they_are_whatever_their_order():
    tracker = Tracker()
    assert tracker.follow(np.array([box(0), box(100)])) == [0, 1]
    for step in range(1, 20):
        assert tracker.follow(np.array([box(100 - 2 * step), box(0.5 * step)])) == [1, 0]


def test_the_largest_overlap_is_matched_first_and_each_track_once():
    tracker = Tracker(least_overlap=0.1)
    tracker.follow(np.array([box(0), box(6)]))
    # The first overlaps both; the second lies where the second was.
    assert tracker.follow(np.array([box(4), box(6)])) == [0, 1]
    assert tracker.follow(np.array([box(4), box(6), box(5)])) == [0, 1, 2]


@pytest.mark.parametrize(("missing", "same"), [(0, True), (2, True), (3, False)])
def test_somebody_may_be_missing_for_a_while(missing, same):
    tracker = Tracker(longest_gap=2)
    tracker.follow(np.array([box(0)]))
    for _ in range(missing):
        assert tracker.follow(np.zeros((0, 4))) == []
    assert tracker.follow(np.array([box(1)])) == [0 if same else 1]


def test_a_number_is_never_given_twice():
    tracker = Tracker(longest_gap=0)
    seen = [tracker.follow(np.array([box(100.0 * step)]))[0] for step in range(5)]
    assert seen == [0, 1, 2, 3, 4]
