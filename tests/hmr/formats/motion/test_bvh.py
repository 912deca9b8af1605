"""BVH as other programs write it, by hand-worked numbers; and what is not BVH."""

import pytest
import torch

from hmr.formats.motion.bvh import read_bvh

ARM = """HIERARCHY
ROOT Hips {
\tOFFSET 1 2 3
\tCHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation
\tJOINT Left Arm
\t{
\t\tOFFSET 0 10 0
\t\tCHANNELS 3 Xrotation Yrotation Zrotation
\t\tEnd Site
\t\t{
\t\t\tOFFSET 0 5 0
\t\t}
\t}
\tJOINT Tail
\t{
\t\tOFFSET 0 0 -4
\t\tCHANNELS 0
\t}
}
MOTION
Frames:\t2
Frame Time: 0.5
100 90 0 0 0 0 0 0 0
0 0 0 90 0 0 90 90 0
"""


@pytest.fixture
def file(tmp_path):
    def write(text: str):
        (tmp_path / "a.bvh").write_text(text)
        return tmp_path / "a.bvh"

    return write


def test_a_file_by_hand(file):
    motion = read_bvh(file(ARM))
    assert motion.names == ("Hips", "Left Arm", "Tail")
    assert motion.parents == (-1, 0, 0)
    assert motion.frame_time_s == 0.5
    assert motion.end_offset_m == {1: (0.0, 0.05, 0.0)}
    torch.testing.assert_close(motion.t_world_root_m, torch.tensor([[1.0, 0.9, 0.0], [0.0, 0.0, 0.0]]))
    torch.testing.assert_close(
        motion.joints_m()[0], torch.tensor([[1.0, 0.9, 0.0], [1.0, 1.0, 0.0], [1.0, 0.9, -0.04]])
    )


def test_rotations_are_about_a_joints_own_axes_in_the_order_of_its_channels(file):
    motion = read_bvh(file(ARM))
    # A quarter about z turns y to -x.
    torch.testing.assert_close(motion.joints_m()[1, 1], torch.tensor([-0.1, 0.0, 0.0]), atol=1e-6, rtol=0)
    about_x = torch.tensor([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    about_y = torch.tensor([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])
    torch.testing.assert_close(motion.R_parent_joint[1, 1], about_x @ about_y, atol=1e-6, rtol=0)


def test_the_unit_is_the_callers(file):
    inches = read_bvh(file(ARM), metres_per_unit=0.0254)
    assert float(inches.offset_m[1, 1]) == pytest.approx(0.254)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("HIERARCHY\n", "", "expected HIERARCHY"),
        ("MOTION\n", "", "expected a line MOTION"),
        ("Frames:\t2", "Frames:\t3", "3 frames, 2 follow"),
        ("Frames:\t2", "Frames:\t2e9", "frames, 2 follow"),
        ("Frame Time: 0.5", "Frame Time: 0", "positive Frame Time"),
        ("Frame Time: 0.5", "Frame Time: soon", "expected numbers"),
        ("100 90 0 0", "100 90 0", "frame 0 has 8 numbers, its channels are 9"),
        ("100 90 0 0", "100 nan 0 0", "not finite"),
        ("100 90 0 0", "100 x 0 0", "expected numbers"),
        ("OFFSET 0 10 0", "OFFSET 0 10", "three numbers"),
        ("OFFSET 0 10 0", "OFFSET 0 inf 0", "not finite"),
        ("CHANNELS 3 Xrotation", "CHANNELS 4 Xrotation", "with their number"),
        ("CHANNELS 3 Xrotation", "CHANNELS 3 Wrotation", "unknown channel 'Wrotation'"),
        ("CHANNELS 3 Xrotation", "CHANNELS 3 Yrotation", "comes twice"),
        ("JOINT Tail", "JOINT Left Arm", "a name of its own"),
        ("JOINT Tail", "ROOT Tail", "more than one ROOT"),
        ("JOINT Tail", "BONE Tail", "is not expected there"),
        ("}\nMOTION", "MOTION", "before every brace is closed"),
        ("}\nMOTION", "}\n}\nMOTION", "is not expected there"),
        ("ROOT Hips {", "ROOT Hips", "expected a brace"),
    ],
)
def test_what_is_not_bvh_is_refused_by_name_and_reason(file, old, new, words):
    assert old in ARM
    path = file(ARM.replace(old, new, 1))
    with pytest.raises(ValueError, match=words) as raised:
        read_bvh(path)
    assert str(path) in str(raised.value)


def test_a_missing_file_and_bytes_that_are_no_text(tmp_path):
    with pytest.raises(ValueError, match="there is none"):
        read_bvh(tmp_path / "none.bvh")
    (tmp_path / "picture.bvh").write_bytes(bytes(range(256)))
    with pytest.raises(ValueError, match="expected HIERARCHY"):
        read_bvh(tmp_path / "picture.bvh")


def test_a_chain_of_endless_depth_is_refused(file):
    tree = "HIERARCHY\nROOT r\n{\n" + "".join(f"JOINT j{i}\n{{\n" for i in range(5000))
    with pytest.raises(ValueError, match="more than 2000 joints"):
        read_bvh(file(tree + "MOTION\nFrames: 0\nFrame Time: 1\n"))


def test_no_frames(file):
    with pytest.raises(ValueError, match="0 frames, 0 follow"):
        read_bvh(file(ARM[: ARM.index("100 90")].replace("Frames:\t2", "Frames: 0")))
