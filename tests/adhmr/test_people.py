"""People in any pose before any camera, and motion capture."""

import numpy as np
import pytest
import torch

from adhmr.world.people import make_people
from adhmr.world.people_config import PeopleConfig
from hmr.body import FACING_CAMERA
from hmr.camera import project
from hmr.formats.motion.captured import read_motion
from hmr.free_body import free_body
from hmr.prompt_points import prompt_points

BODY = free_body(1200)


def test_the_same_seed_gives_the_same_people_and_their_marks_lie_near_their_points():
    a, b = (make_people(PeopleConfig(truncated=0), 64, 3, BODY) for _ in range(2))
    assert torch.equal(a.uv, b.uv)
    uv = 2 * project(prompt_points(a.label, BODY), a.K) - 1
    assert (a.uv - uv).norm(dim=-1).median() < 0.03
    assert a.inside.all()
    assert (a.uv.abs() < 1.6).float().mean() > 0.97  # in or near the crop


def test_any_rotation_and_truncation_come_in_their_shares():
    people = make_people(PeopleConfig(any_rotation=1.0, truncated=1.0), 512, 0, BODY)
    up = (FACING_CAMERA @ people.label.R_cam_root)[:, 1, 1]
    assert abs(float(up.mean())) < 0.15  # heads point anywhere
    assert 0.3 < people.inside.float().mean() < 0.9
    upright = make_people(PeopleConfig(any_rotation=0.0, tilted=0.0), 512, 0, BODY)
    assert float((FACING_CAMERA @ upright.label.R_cam_root)[:, 1, 1].mean()) > 0.9


def test_captured_poses_are_those_of_the_file(tmp_path):
    poses = np.zeros((5, 24, 3), np.float32)
    poses[:, 4, 0] = 1.2  # a knee
    poses[3] = np.nan
    np.savez(tmp_path / "a.npz", pose=poses)
    motion = read_motion(tmp_path / "a.npz")
    assert len(motion) == 4
    config = PeopleConfig(captured=1.0, other_legs=0.0)
    people = make_people(config, 32, 0, BODY, motion)
    knee = people.label.R_parent_joint[:, [3, 4]]  # mirrored, it is the other one
    bent = torch.acos(((knee.diagonal(dim1=-2, dim2=-1).sum(-1) - 1) / 2).clamp(-1, 1)).amax(1)
    assert 1.0 < float(bent.median()) < 1.4


def test_amass_stands_upright_and_mirroring_twice_is_nothing(tmp_path):
    poses = np.zeros((2, 156), np.float32)
    poses[:, 0] = np.pi / 2  # AMASS' world has z up: a body that stands is turned about x
    np.savez(tmp_path / "a.npz", poses=poses)
    motion = read_motion(tmp_path / "a.npz")
    torch.testing.assert_close(
        motion.R_world_root[0] @ torch.tensor([0.0, 1, 0]), torch.tensor([0.0, 1, 0]), atol=1e-6, rtol=0
    )
    poses = np.random.default_rng(0).normal(size=(4, 24, 3)).astype(np.float32)
    np.savez(tmp_path / "b.npz", pose=poses)
    motion = read_motion(tmp_path / "b.npz")
    torch.testing.assert_close(motion.mirrored().mirrored().R_parent_joint, motion.R_parent_joint)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x": np.zeros(3)}, "expected poses"),
        ({"poses": np.zeros((2, 30))}, "66 or more"),
        ({"pose": np.zeros((2, 23, 3))}, r"\(n, 24, 3\)"),
        ({"pose": np.full((2, 24, 3), np.nan)}, "no pose that is finite"),
    ],
)
def test_other_files_are_refused(tmp_path, arrays, words):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(ValueError, match=words):
        read_motion(tmp_path / "a.npz")
