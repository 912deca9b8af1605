"""Bodies between bodies, and bodies smoothed over time."""

import pytest
import roma
import torch
from moving_people import moving

from adhmr.export.motion import BodyMotion
from adhmr.photographs.smoothing import smoothed
from hmr.body import BodyParams
from hmr.free_body import free_body, free_body_with_hands


def turning(angle_rad: torch.Tensor, time_s: torch.Tensor) -> BodyMotion:
    """Everything turns about y, and walks along x by as many metres."""
    R = roma.rotvec_to_rotmat(angle_rad[:, None] * torch.tensor([0.0, 1.0, 0.0]))
    place = torch.stack([angle_rad, torch.zeros_like(angle_rad), 3 + torch.zeros_like(angle_rad)], 1)
    t = len(angle_rad)
    return BodyMotion(BodyParams(R, R[:, None].expand(t, 23, 3, 3), torch.zeros(t, 10), place), time_s)


def angles(motion: BodyMotion) -> torch.Tensor:
    R = motion.bodies.R_parent_joint[:, 7]
    return torch.atan2(R[:, 0, 2], R[:, 0, 0])


def test_half_way_is_half_turned():
    given = turning(torch.tensor([0.0, 1.0, 1.2]), torch.tensor([0.0, 0.4, 0.6]))
    even = given.evenly(0.1)
    torch.testing.assert_close(even.time_s.float(), torch.arange(7) / 10)
    torch.testing.assert_close(angles(even), torch.tensor([0, 0.25, 0.5, 0.75, 1, 1.1, 1.2]))
    torch.testing.assert_close(even.bodies.t_cam_root[:, 0], angles(even))
    assert even.frame_time_s() == pytest.approx(0.1)
    torch.testing.assert_close(angles(given.at(torch.tensor([-1.0, 9.0]))), torch.tensor([0, 1.2]))
    assert len(turning(torch.zeros(1), torch.ones(1)).evenly(0.1)) == 1
    with pytest.raises(ValueError, match="positive time"):
        given.evenly(0)


@pytest.mark.parametrize("model", [free_body(1200), free_body_with_hands()], ids=["24 joints", "55 joints"])
def test_even_times_stay_as_they_are_and_a_steady_body_is_not_changed(model):
    given = moving(model, count=5)
    even = given.evenly(0.1)
    torch.testing.assert_close(even.bodies.R_parent_joint, given.bodies.R_parent_joint, atol=1e-5, rtol=0)
    steady = BodyMotion(given.bodies[torch.zeros(5, dtype=torch.long)], given.time_s)
    for name in ("R_cam_root", "R_parent_joint", "shape", "t_cam_root"):
        torch.testing.assert_close(
            getattr(smoothed(steady, 0.2).bodies, name), getattr(steady.bodies, name), atol=1e-5, rtol=0
        )


def test_smoothing_by_hand():
    """Three bodies, a window of which the neighbours weigh e^-1/2: angles of small turns are averaged as numbers are."""
    given = turning(torch.tensor([0.0, 0.03, 0.0]), torch.tensor([0.0, 0.1, 0.2]))
    one, two = torch.exp(torch.tensor(-0.5)), torch.exp(torch.tensor(-2.0))
    middle, end = 0.03 / (1 + 2 * one), 0.03 * one / (1 + one + two)
    found = smoothed(given, 0.1)
    torch.testing.assert_close(angles(found), torch.stack([end, middle, end]), atol=1e-5, rtol=1e-3)
    torch.testing.assert_close(found.bodies.t_cam_root[:, 0], angles(found), atol=1e-5, rtol=1e-3)


def test_smoothing_removes_noise_by_time_and_not_by_count():
    generator = torch.Generator().manual_seed(0)
    time_s = torch.arange(200) / 50
    truth = torch.sin(time_s)
    given = turning(truth + 0.1 * torch.randn(200, generator=generator), time_s)
    assert (angles(smoothed(given, 0.1)) - truth).square().mean() < 0.15 * (angles(given) - truth).square().mean()
    far = turning(torch.tensor([0.0, 1.0]), torch.tensor([0.0, 5.0]))  # nobody is seen in between
    torch.testing.assert_close(angles(smoothed(far, 0.1)), torch.tensor([0.0, 1.0]))
    with pytest.raises(ValueError, match="above 0 seconds"):
        smoothed(given, 0)


def test_parts_of_a_long_motion_are_smoothed_as_the_whole(monkeypatch):
    given = moving(free_body(1200), count=9)
    whole = smoothed(given, 0.15).bodies.R_cam_root
    monkeypatch.setattr("adhmr.photographs.smoothing._BODIES_AT_ONCE", 16)
    torch.testing.assert_close(smoothed(given, 0.15).bodies.R_cam_root, whole)
