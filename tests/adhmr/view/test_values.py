"""Colours, spreads and the photograph's plane, with numbers worked by hand."""

import numpy as np
import pytest
import torch

from adhmr.view import values
from adhmr.view.pack import quantised
from hmr.camera import project


def luminance(rgb: np.ndarray) -> np.ndarray:
    return rgb.astype(float) @ np.array([0.2126, 0.7152, 0.0722])


def test_the_world_is_the_camera_frame_turned_upright():
    np.testing.assert_array_equal(values.world_of_cam(np.array([[1.0, 2.0, 3.0]])), [[1.0, -2.0, -3.0]])


def test_the_plane_spans_exactly_the_frustum_at_its_depth():
    # Focal 100 px, principal point (30, 20), picture 80 x 60: at 2 m a pixel is 2 cm.
    K = np.array([[100.0, 0, 30], [0, 100, 20], [0, 0, 1]])
    corners = values.plane_corners_cam(K, (80, 60), 2.0)
    np.testing.assert_allclose(corners, [[-0.6, -0.4, 2], [1.0, -0.4, 2], [1.0, 0.8, 2], [-0.6, 0.8, 2]])


@pytest.mark.parametrize("depth", [0.5, 3.0, 40.0])
def test_the_plane_covers_the_picture_at_any_depth(depth):
    K = np.array([[310.0, 0, 100], [0, 290, 95], [0, 0, 1]])
    corners = torch.from_numpy(values.plane_corners_cam(K, (200, 190), depth))
    pixels = project(corners, torch.from_numpy(K))
    np.testing.assert_allclose(pixels, [[0, 0], [200, 0], [200, 190], [0, 190]], atol=1e-9)


def test_the_photograph_is_behind_every_body():
    near, far = np.zeros((2, 5, 3)), np.zeros((1, 5, 3))
    near[..., 2], far[0, 3, 2] = 2.0, 4.5
    assert values.depth_behind([near, far]) == pytest.approx(4.6)
    assert values.depth_behind([]) > 0


def test_a_joint_that_hypotheses_place_10_cm_either_way_has_a_spread_of_100_mm():
    joints = np.zeros((2, 3, 3))
    joints[0, 1, 0], joints[1, 1, 0] = 0.1, -0.1
    joints[:, 2] = [0.0, 0.3, 0.0]  # they agree on this one
    np.testing.assert_allclose(values.joint_spread_mm(joints), [0, 100, 0], atol=1e-9)


def test_a_person_who_is_moved_as_a_whole_has_the_same_pose():
    joints = np.random.default_rng(0).normal(size=(1, 4, 3)).repeat(2, 0)
    joints[1] += [0, 0, 0.5]
    np.testing.assert_allclose(values.joint_spread_mm(joints), 0, atol=1e-6)
    assert values.root_spread_mm(joints) == pytest.approx(250)


def test_one_hypothesis_disagrees_with_nobody():
    assert not values.joint_spread_mm(np.ones((1, 24, 3))).any()


def test_better_scores_are_lighter_whatever_the_colour_vision():
    colours = values.score_colours(np.linspace(-3, 5, 11), (-3.0, 5.0))
    assert (np.diff(luminance(colours)) > 0).all()
    assert luminance(colours)[-1] - luminance(colours)[0] > 120


def test_equal_scores_are_all_the_best_and_what_has_none_is_the_worst():
    best, worst = values.scale_colours(np.array([1.0, 0.0]))
    np.testing.assert_array_equal(values.score_colours(np.array([2.0, 2.0]), (2.0, 2.0)), [best, best])
    np.testing.assert_array_equal(values.score_colours(np.array([np.nan, 1.0]), (0.0, 1.0)), [worst, best])


def test_ends_of_the_scale_leave_out_what_is_not_finite():
    assert values.score_range([np.array([1.0, np.nan]), np.array([-2.0, np.inf])]) == (-2.0, 1.0)
    assert values.score_range([]) == (0.0, 0.0)


def test_sixteen_bits_keep_a_body_to_a_twentieth_of_a_millimetre():
    points = np.random.default_rng(0).uniform(-1, 1, (3, 50, 3)) * [0.5, 1.0, 0.2] + [0, 0, -4]
    steps, centre, half = quantised(points)
    assert steps.dtype == np.int16
    back = centre[:, None] + half[:, None, None] * steps / 32767
    assert np.abs(back - points).max() < 5e-5
