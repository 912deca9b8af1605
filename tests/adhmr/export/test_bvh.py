"""Bodies written as BVH and read again: the same rotations, the same joints."""

import numpy as np
import pytest
import roma
import torch
from moving_people import moving

from adhmr.export.bvh import bvh_motion, write_body_bvh
from adhmr.export.motion import BodyMotion, upright
from hmr.formats.motion.bvh import read_bvh
from hmr.free_body import free_body, free_body_with_hands


@pytest.mark.parametrize("model", [free_body(1200), free_body_with_hands(2500)], ids=lambda m: m.name)
def test_what_is_written_is_read(tmp_path, model):
    motion = moving(model, count=4, frames_per_s=25)
    write_body_bvh(tmp_path / "a.bvh", motion, model)
    found = read_bvh(tmp_path / "a.bvh")
    order = [found.names.index(name) for name in model.skeleton.joint_names]
    wanted = bvh_motion(motion, model).R_parent_joint
    turned = roma.rotmat_geodesic_distance(found.R_parent_joint[:, order].double(), wanted.double())
    assert float(turned.max()) < 1e-4
    joints = upright(model.posed(motion.bodies).joints)
    assert float((found.joints_m()[:, order] - joints).norm(dim=-1).max()) < 1e-4
    assert found.frame_time_s == pytest.approx(0.04, abs=1e-6)


def test_lengths_are_centimetres_and_bones_end_on_the_body(tmp_path):
    model = free_body()
    write_body_bvh(tmp_path / "a.bvh", moving(model, count=1), model)
    metres, numbers = read_bvh(tmp_path / "a.bvh"), read_bvh(tmp_path / "a.bvh", metres_per_unit=1)
    torch.testing.assert_close(numbers.offset_m, 100 * metres.offset_m)
    thigh = metres.offset_m[metres.names.index("left_knee")].norm()
    assert 0.3 < float(thigh) < 0.65
    ends = {metres.names[joint]: np.linalg.norm(end) for joint, end in metres.end_offset_m.items()}
    assert set(ends) == {"head", "left_hand", "right_hand", "left_foot", "right_foot"}
    assert all(0.02 < length < 0.35 for length in ends.values())


def test_a_right_angle_about_x_is_a_rotation_like_others(tmp_path):
    model = free_body()
    motion = moving(model, count=1)
    motion.bodies.R_parent_joint[0, 3] = roma.rotvec_to_rotmat(torch.tensor([torch.pi / 2, 0, 0]))
    write_body_bvh(tmp_path / "a.bvh", motion, model)
    found = read_bvh(tmp_path / "a.bvh")
    knee = found.names.index(model.skeleton.joint_names[4])
    torch.testing.assert_close(found.R_parent_joint[0, knee], motion.bodies.R_parent_joint[0, 3], atol=1e-5, rtol=0)


def test_times_must_be_even(tmp_path):
    model = free_body()
    motion = moving(model)
    with pytest.raises(ValueError, match="even times"):
        write_body_bvh(tmp_path / "a.bvh", BodyMotion(motion.bodies, torch.tensor([0.0, 0.1, 0.5])), model)
