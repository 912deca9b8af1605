"""What moves a picture moves its camera, its label, its keypoints and its candidates; and nothing else is told of it."""

import math
from dataclasses import replace

import pytest
import torch

from hmr.camera import bearing, project
from hmr.free_body import free_body
from hmr.networks.branch_loss import Targets
from hmr.samples import save_samples
from hmr.training.augment import Roll, augmented
from hmr.training.batch_random import BatchRandom
from hmr.training.config import AugmentConfig
from hmr.training.labelled_pictures import LabelledPictures, check_pixels

BODY = free_body(1200)
EVERYTHING = AugmentConfig(colour=0.4, blur_px=1.0, jpeg_quality=30, scale=0.25, rotation_deg=30)


def random(seed: int = 0, part: int = 0, parts: int = 1) -> BatchRandom:
    return BatchRandom(seed, torch.device("cpu"), part, parts)


@pytest.fixture
def rolled(small_world):
    """Sixteen pictures, and them turned and enlarged."""
    samples = small_world["target"]
    roll = Roll(torch.linspace(-1, 1, 16), torch.linspace(0.7, 1.4, 16))
    return samples, roll, roll.samples(samples, samples.rgb[:])


def test_a_body_is_seen_where_the_picture_went(rolled):
    samples, roll, moved = rolled
    before = project(BODY.keypoints(samples.label), samples.K)
    after = project(BODY.keypoints(moved.label), moved.K)
    middle = samples.size / 2
    torch.testing.assert_close(after - middle, roll.uv(before - middle), atol=1e-2, rtol=1e-4)


def test_targets_that_are_moved_are_the_targets_of_what_was_moved(rolled):
    samples, roll, moved = rolled
    mine, fresh = roll.targets(Targets.of(samples, BODY)), Targets.of(moved, BODY)
    torch.testing.assert_close(mine.state, fresh.state, atol=2e-4, rtol=1e-3)
    torch.testing.assert_close(mine.extent, fresh.extent, atol=1e-4, rtol=1e-4)


def test_a_quarter_turn_by_hand():
    rgb = torch.zeros(1, 3, 4, 4)
    rgb[0, :, 0, 3] = 1.0  # above on the right; right goes down, up goes right: below on the right
    turned = Roll(torch.tensor([math.pi / 2]), torch.ones(1)).pictures(rgb)
    assert turned[0, 0, 3, 3] == pytest.approx(1.0, abs=1e-5)
    assert turned[0, 0, 0, 3] == pytest.approx(0.0, abs=1e-5)


def test_the_camera_of_a_quarter_turn_by_hand():
    K = torch.tensor([[[50.0, 0, 40], [0, 50, 32], [0, 0, 1]]])
    turned = Roll(torch.tensor([math.pi / 2]), torch.tensor([2.0])).K(K, 64)
    expected = torch.tensor([[[100.0, 0, 32], [0, 100, 48], [0, 0, 1]]])
    torch.testing.assert_close(turned, expected, atol=1e-4, rtol=0)


def test_keypoints_that_leave_the_crop_are_not_seen(rolled):
    samples, roll, _ = rolled
    far = replace(roll, scale=torch.full((16,), 8.0))
    moved = far.samples(samples, samples.rgb[:])
    outside = ((moved.keypoints_2d[..., :2] < 0) | (moved.keypoints_2d[..., :2] > 64)).any(-1)
    assert outside.any()
    assert (moved.keypoints_2d[outside][:, 2] == 0).all()


def test_each_option_alone_changes_pictures(small_world):
    rgb = small_world["source"].rgb[:]
    for name in ("colour", "blur_px", "jpeg_quality", "scale", "rotation_deg"):
        only = AugmentConfig(**{name: getattr(EVERYTHING, name)})
        changed, _ = augmented(rgb, only, random())
        assert changed.dtype == torch.uint8
        assert not torch.equal(changed, rgb), name
        difference = (changed.float() - rgb.float()).abs().mean()
        assert difference < 60, name


def test_no_augmentation_changes_nothing(small_world):
    samples = small_world["source"]
    data = LabelledPictures.of(samples, BODY, AugmentConfig())
    batch = data.load(torch.tensor([3, 5]), random())
    assert torch.equal(batch.rgb, samples.rgb[[3, 5]])
    assert torch.equal(batch.towards, bearing(samples.K, samples.size)[[3, 5]])
    assert batch.roll is None


def test_a_batch_that_is_cut_up_is_augmented_as_the_whole(small_world):
    data = LabelledPictures.of(small_world["source"], BODY, EVERYTHING)
    rows = torch.arange(8)
    whole = data.load(rows, random(4))
    parts = [data.load(rows[part::2], random(4, part, 2)) for part in range(2)]
    for part in range(2):
        assert torch.equal(parts[part].rgb, whole.rgb[part::2])
        torch.testing.assert_close(parts[part].targets.state, whole.targets.state[part::2])


def test_pictures_on_disk_are_augmented_as_those_in_memory(small_world, tmp_path):
    from hmr.samples import load_samples

    save_samples(tmp_path, small_world["source"])
    rows = torch.tensor([7, 1, 4])
    ours, theirs = (
        LabelledPictures.of(samples, BODY, EVERYTHING).load(rows, random(2))
        for samples in (small_world["source"], load_samples(tmp_path))
    )
    assert torch.equal(ours.rgb, theirs.rgb)


def test_pixels_that_are_not_square_are_not_turned(small_world):
    samples = small_world["source"]
    wide = replace(samples, A_view_picture=samples.A_view_picture * torch.tensor([2.0, 1, 1])[None, :, None])
    with pytest.raises(ValueError, match="not square"):
        check_pixels(wide, EVERYTHING)
    check_pixels(wide, AugmentConfig(colour=0.5, scale=0.2))


@pytest.mark.parametrize(
    ("name", "value"), [("colour", 2.0), ("jpeg_quality", 0), ("rotation_deg", 200), ("scale", -0.1)]
)
def test_strange_augmentation_is_refused(name, value):
    with pytest.raises(ValueError, match=name):
        AugmentConfig(**{name: value})
