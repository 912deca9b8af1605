import pickle
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
import torch

from hmr.body_codec import read_arrays
from hmr.files import new_folder, write_atomically
from hmr.hypotheses import load_hypotheses
from hmr.samples import load_samples, save_samples
from hmr.smplx_files import find_file, load_body, load_body_with_hands
from hmr.untrusted.unpickle import read_pickle


class Evil:
    def __reduce__(self):
        import os

        return os.system, ("touch /tmp/this-must-not-exist-adhmr",)


def test_nothing_half_written_under_its_final_name(tmp_path):
    path = tmp_path / "a.txt"

    def killed_while_writing():
        with write_atomically(path) as partial:
            partial.write_text("half")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        killed_while_writing()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_in_it_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(ValueError, match="not empty"):
        new_folder(tmp_path)


def test_objects_in_npz_files_are_refused(tmp_path):
    np.savez(tmp_path / "bad.npz", a=np.array([Evil()], dtype=object))
    with pytest.raises(ValueError, match="refused"):
        read_arrays(tmp_path / "bad.npz")


def test_a_file_given_for_a_folder_is_said(tmp_path):
    (tmp_path / "set").write_text("a file")
    with pytest.raises(ValueError, match=r"expected a folder with labels\.npz, this is a file"):
        load_samples(tmp_path / "set")


def test_a_truncated_npz_names_itself(tmp_path):
    np.savez(tmp_path / "whole.npz", a=np.zeros(1000))
    (tmp_path / "cut.npz").write_bytes((tmp_path / "whole.npz").read_bytes()[:500])
    with pytest.raises(ValueError, match=r"cut\.npz"):
        load_hypotheses(tmp_path / "cut.npz")


def test_candidates_with_another_number_of_joints_or_nan_are_refused(tmp_path):
    arrays = {
        "global_orient": np.zeros((2, 3, 3)), "body_pose": np.zeros((2, 3, 21, 3)), "betas": np.zeros((2, 3, 10)),
        "t_cam_root": np.ones((2, 3, 3)), "K": np.zeros((2, 3, 3)), "key": np.array(["a", "b"]),
    }  # fmt: skip
    np.savez(tmp_path / "h.npz", **arrays)
    with pytest.raises(ValueError, match=r"h\.npz.*body_pose.*23"):
        load_hypotheses(tmp_path / "h.npz")
    arrays |= {"body_pose": np.zeros((2, 3, 23, 3)), "betas": np.full((2, 3, 10), np.nan)}
    np.savez(tmp_path / "h.npz", **arrays)
    with pytest.raises(ValueError, match="not finite"):
        load_hypotheses(tmp_path / "h.npz")


def test_a_pickle_with_code_runs_nothing(tmp_path):
    (tmp_path / "evil.pkl").write_bytes(pickle.dumps({"v_template": Evil()}))
    with pytest.raises(ValueError, match="system"):
        read_pickle(tmp_path / "evil.pkl")
    assert not Path("/tmp/this-must-not-exist-adhmr").exists()


def test_arrays_and_sparse_matrices_come_out_of_a_pickle(tmp_path):
    content = {
        "a": np.arange(6.0).reshape(2, 3),
        "J": scipy.sparse.csc_matrix(np.eye(3)),
        "s": "text",
        "n": np.float64(2),
    }
    (tmp_path / "ok.pkl").write_bytes(pickle.dumps(content, protocol=2))
    read = read_pickle(tmp_path / "ok.pkl")
    assert np.array_equal(read["a"], content["a"])
    assert np.array_equal(read["J"], np.eye(3))


def fake_smpl(n: int = 6890) -> dict[str, np.ndarray]:
    """Random arrays in SMPL's layout; no licensed data."""
    from hmr.skeleton import JOINT_PARENTS

    rng = np.random.default_rng(0)
    weights = rng.random((n, 24))
    regressor = rng.random((24, n))
    return {
        "v_template": rng.standard_normal((n, 3)), "shapedirs": rng.standard_normal((n, 3, 10)),
        "posedirs": np.zeros((n, 3, 207)), "J_regressor": regressor / regressor.sum(1, keepdims=True),
        "weights": weights / weights.sum(1, keepdims=True), "f": rng.integers(n, size=(100, 3)),
        "kintree_table": np.array([[2**32 - 1, *JOINT_PARENTS[1:]], range(24)], dtype=np.int64),
    }  # fmt: skip


@pytest.mark.parametrize("suffix", [".npz", ".pkl"])
def test_a_users_smpl_file_goes_through_smplx(tmp_path, suffix):
    pytest.importorskip("smplx")
    arrays = fake_smpl()
    path = tmp_path / f"SMPL_NEUTRAL{suffix}"
    if suffix == ".npz":
        np.savez(path, **arrays)
    else:
        path.write_bytes(pickle.dumps(arrays, protocol=2))
    model = load_body(tmp_path)
    assert model.rest_keypoints(torch.zeros(10)).shape == (29, 3)
    assert np.allclose(model.v_template.numpy(), arrays["v_template"], atol=1e-6)


def fake_smplx() -> dict[str, object]:
    """The same in SMPL-X's layout, with the dictionaries that its official .npz holds."""
    from hmr.skeleton_smplx import SMPLX

    rng, n, joints = np.random.default_rng(0), 10475, 55
    weights, regressor = rng.random((n, joints)), rng.random((joints, n))
    return {
        "v_template": rng.standard_normal((n, 3)), "shapedirs": rng.standard_normal((n, 3, 20)),
        "posedirs": np.zeros((n, 3, 486)), "J_regressor": regressor / regressor.sum(1, keepdims=True),
        "weights": weights / weights.sum(1, keepdims=True), "f": rng.integers(n, size=(100, 3)),
        "kintree_table": np.array([[2**32 - 1, *SMPLX.joint_parents[1:]], range(joints)], dtype=np.int64),
        "hands_componentsl": np.eye(45), "hands_componentsr": np.eye(45), "hands_meanl": np.zeros(45),
        "hands_meanr": np.zeros(45), "part2num": {"pelvis": 0}, "joint2num": {"pelvis": 0},
    }  # fmt: skip


@pytest.mark.parametrize("suffix", [".npz", ".pkl"])
def test_a_users_smplx_file_is_read_though_it_holds_dictionaries(tmp_path, suffix):
    pytest.importorskip("smplx")
    content = fake_smplx()
    path = tmp_path / f"SMPLX_NEUTRAL{suffix}"
    if suffix == ".npz":
        np.savez(path, **content)  # pyright: ignore[reportArgumentType]
    else:
        path.write_bytes(pickle.dumps(content, protocol=2))
    assert load_body(tmp_path, "smplx").rest_keypoints(torch.zeros(10)).shape == (29, 3)
    assert len(load_body_with_hands(tmp_path).v_template) == 10475


def test_a_malicious_smplx_file_runs_nothing(tmp_path):
    content = {**fake_smplx(), "part2num": np.array(Evil(), dtype=object)}
    np.savez(tmp_path / "SMPLX_NEUTRAL.npz", **content)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match=r"SMPLX_NEUTRAL\.npz: refused"):
        load_body(tmp_path, "smplx")
    assert not Path("/tmp/this-must-not-exist-adhmr").exists()


def test_a_missing_smpl_file_says_which_where_and_what_instead(tmp_path):
    with pytest.raises(ValueError, match=r"SMPL_NEUTRAL\.npz.*smpl\.is\.tue\.mpg\.de.*free body"):
        find_file(tmp_path, "smpl", "neutral")


def test_samples_survive_their_files(tmp_path, small_world):
    samples = small_world["source"]
    save_samples(tmp_path / "set", samples)
    back = load_samples(tmp_path / "set")
    assert back.key == samples.key
    assert torch.equal(back.rgb[:], samples.rgb)
    assert torch.allclose(back.label.R_parent_joint, samples.label.R_parent_joint, atol=1e-5)
