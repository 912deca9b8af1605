"""Regions of a photograph and the way back; turned tries."""

from math import pi

import numpy as np
import pytest
import torch

from hmr.detection.found import Found, likeness, merged, overlap, turned_back
from hmr.detection.region import Region, crops_of, laid_back, upright_turn
from hmr.detection.regions_of import region_of
from hmr.keypoint_sets import COCO_17

REGIONS = [Region((30.0, 20.0), 24.0, turn) for turn in (0.0, 0.7, pi / 2, -2.5)]


@pytest.mark.parametrize("region", REGIONS)
def test_there_and_back(region):
    px = np.random.default_rng(0).uniform(-50, 90, (7, 2)).astype(np.float32)
    assert np.allclose(region.to_photograph(region.from_photograph(px)), px, atol=1e-4)


def test_a_quarter_turn_by_hand():
    """Turned clockwise by 90°, the square's upper left corner lies at the upper right of the photograph's square."""
    corner = Region((10.0, 10.0), 8.0, pi / 2).to_photograph(np.zeros((1, 2), np.float32))
    assert np.allclose(corner, [[14, 6]], atol=1e-5)


@pytest.mark.parametrize(("up", "turn"), [((0, -1), 0), ((1, 0), pi / 2), ((0, 1), pi), ((-1, 0), -pi / 2)])
def test_the_turn_that_makes_a_direction_point_up(up, turn):
    up = np.array(up, np.float32)
    assert upright_turn(up) == pytest.approx(turn)
    ahead = Region((0.0, 0.0), 2.0, turn).from_photograph(up[None])[0]
    assert np.allclose(ahead, [0.5, 0.0], atol=1e-6)


@pytest.mark.parametrize("region", REGIONS)
def test_a_crop_shows_what_lies_there(region):
    """On a ramp every crop pixel shows its own place, as far as the photograph goes."""
    h, w = 48, 64
    ramp = np.stack(np.meshgrid(np.arange(w), np.arange(h), indexing="xy"), -1).astype(np.uint8)
    crop = 255 * crops_of(np.concatenate([ramp, ramp[..., :1]], -1), [REGIONS[0], region], 16)[1]
    steps = np.arange(16, dtype=np.float32) / 16
    there = region.to_photograph(np.stack(np.meshgrid(steps, steps, indexing="xy"), -1))
    inside = ((there >= 0) & (there <= [w - 1, h - 1])).all(-1)
    assert inside.any()
    assert np.allclose(crop[:2].permute(1, 2, 0).numpy()[inside], there[inside], atol=1e-3)


def test_a_mask_is_laid_back_where_it_was():
    mask = laid_back(torch.ones(16, 16), Region((30.0, 20.0), 20.0, pi / 4), (64, 48))
    assert mask.shape == (48, 64)
    assert mask[20, 30] == pytest.approx(1)
    assert mask[20, 18] > 0.5  # a corner of the turned square
    assert mask[11, 21] == 0  # where the corner would be if it were not turned
    assert mask.sum() == pytest.approx(400, rel=0.15)


def found(shift: float = 0.0, score: float = 0.5) -> Found:
    px = np.random.default_rng(1).uniform(10, 50, (17, 3)).astype(np.float32)
    px[:, 2] = 0.9
    px[:, :2] += shift
    return Found(np.array([10, 10, 50, 50], np.float32) + shift, score, px)


def test_overlap_and_likeness_by_hand():
    assert overlap(np.array([0, 0, 2, 2.0]), np.array([1, 0, 3, 2.0])) == pytest.approx(1 / 3)
    assert overlap(np.zeros(4), np.zeros(4)) == 0
    assert likeness(found(), found()) == pytest.approx(1)
    assert likeness(found(), found(100)) < 1e-3


def test_of_duplicates_the_surest_stays_and_others_too():
    people = merged([found(0, 0.3), found(1, 0.8), found(60, 0.2), found(61, 0.1)])
    assert [person.score for person in people] == [0.8, 0.2]
    assert merged([]) == []


@pytest.mark.parametrize("quarters", range(4))
def test_what_is_seen_in_a_turned_photograph_is_turned_back(quarters):
    """A bright pixel is found where it lies in the photograph."""
    photograph = np.zeros((30, 50))
    photograph[7, 41] = 1
    y, x = np.argwhere(np.rot90(photograph, quarters))[0]
    seen = Found(np.array([x, y, x + 1, y + 1], np.float32), 1.0, np.full((17, 3), (x + 0.5, y + 0.5, 1), np.float32))
    back = turned_back(seen, quarters, (50, 30))
    assert back.box_xyxy.tolist() == [41, 7, 42, 8]
    assert back.px[0].tolist() == [41.5, 7.5, 1]


def test_somebody_who_lies_is_looked_at_turned():
    px = np.zeros((17, 3), np.float32)
    for name, x in (("hip", 20), ("shoulder", 40), ("ankle", 0)):
        for side in ("left", "right"):
            px[COCO_17.place[f"{side}_{name}"]] = (x, 15, 0.9)
    region = region_of(Found(np.array([0, 10, 45, 20], np.float32), 0.5, px))
    assert region.centre_px == (20, 15)
    assert region.turn_rad == pytest.approx(pi / 2)
    assert region.side_px == pytest.approx(2.5 * 22.5)


def test_without_hips_the_box_says_where():
    region = region_of(Found(np.array([0, 10, 45, 20], np.float32), 0.5, np.zeros((17, 3), np.float32)))
    assert region == Region((22.5, 15.0), 2.5 * 22.5)
