"""Labels of other people's files are repaired: parameters come nearer to the truth, and nothing else in the file changes."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
import roma
import torch
from label_files import WRITERS, H, N, W, make, person
from second_best import SecondBest

from data_cleaning.config import RepairConfig
from data_cleaning.repair_labels import Repairer, changed_bodies
from data_cleaning.units import Unit, opened
from hmr.camera import project
from hmr.formats.from_keypoints import HUMAN_DATA_190, SPIN_44, SPIN_44_OF_SMPL, seen_keypoints
from hmr.formats.labels.npz import member_names, read_member
from hmr.formats.labels.open import open_labels
from hmr.free_body import free_body
from hmr.photographs.folder import Photographs
from hmr.skeleton import KEYPOINT_NAMES

MODEL = free_body(6900)


def turned(values: dict[str, np.ndarray], row: int) -> dict[str, np.ndarray]:
    """A person whose limbs are turned by some 0.2 rad in the label, and not in its keypoints."""
    noise = torch.randn(21, 3, generator=torch.Generator().manual_seed(100 + row)) * 0.12
    pose = torch.from_numpy(values["pose"]).view(24, 3).clone()
    R = roma.rotvec_to_rotmat(pose[1:22]) @ roma.rotvec_to_rotmat(noise)
    pose[1:22] = roma.rotmat_to_rotvec(R)
    return {**values, "pose": pose.numpy().reshape(-1)}


def far_away(values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """As 4D-Humans' camera, whose focal length is 20 times the picture's width, would see a person."""
    points = torch.from_numpy(values["points"]) + torch.tensor([0.0, 0.0, 58.0])
    K = torch.tensor([[5000 / 256 * W, 0, W / 2], [0, 5000 / 256 * W, H / 2], [0, 0, 1]])
    return {**values, "pixels": project(points, K).numpy()}


def noisy_file(kind: str, folder):
    make(kind, folder)  # with its photograph
    name, write = WRITERS[kind]
    people = [turned(person(i), i) for i in range(N)]
    write(folder / name, [far_away(p) for p in people] if kind == "humans_4d" else people)
    return folder / name


def repaired(path, folder, scorer):
    file, rows = opened(path, None)
    unit = Unit(path, ".", 0, N, "")
    repairer = Repairer(scorer, MODEL, None, RepairConfig(steps=80, lr=0.03))
    return repairer(unit, file, rows, Photographs(folder / "images"))


def errors(path, folder) -> np.ndarray:
    """(N,) mean distance of the parameters' joints to the truth's, both relative to the pelvis."""
    found = list(open_labels(path).labelled(0, N, Photographs(folder / "images"), MODEL))
    points = torch.stack([MODEL.keypoints(label.params) for label in found])
    truth = torch.from_numpy(np.stack([person(i)["points"] for i in range(N)]))
    return ((points - points[:, :1]) - (truth - truth[:, :1])).norm(dim=-1).mean(1).numpy()


@pytest.mark.parametrize("kind", ["human_data", "humans_4d", "camera_hmr"])
def test_parameters_come_nearer_to_the_truth_and_nothing_else_changes(kind, tmp_path):
    path = noisy_file(kind, tmp_path)
    table = repaired(path, tmp_path, SecondBest())
    assert table["problem"].to_pylist() == [""] * N
    assert table["changed"].to_pylist() == [True] * N
    assert max(table["off_after_px"].to_pylist()) < 0.3 * min(table["off_before_px"].to_pylist())
    out = tmp_path / "repaired.npz"
    file = open_labels(path)
    rows, params = changed_bodies([table.slice(0, 2), table.slice(2)])
    file.write_bodies(rows, params, MODEL, out)
    before, after = errors(path, tmp_path), errors(out, tmp_path)
    assert (after < 0.9 * before).all()
    assert after.mean() < 0.75 * before.mean()
    assert member_names(out) == member_names(path)
    changed = {"human_data": {"smpl"}, "humans_4d": {"body_pose", "betas"}, "camera_hmr": {"pose_cam", "shape"}}[kind]
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out) as new:
        for name in set(member_names(path)) - changed:
            assert new.read(f"{name}.npy") == old.read(f"{name}.npy")
    for name in changed:
        old, new = read_member(path, name), read_member(out, name)
        pairs = [(old, new)] if isinstance(old, np.ndarray) else [(old[k], new[k]) for k in old]
        assert all(a.dtype == b.dtype and a.shape == b.shape for a, b in pairs)


def smplx_file(folder):
    """Labels of 21 joints and hands, in Fortran order and with more betas than are fitted."""
    path = noisy_file("human_data", folder)
    content = dict(np.load(path, allow_pickle=True))
    smpl = content.pop("smpl").item()
    content["smplx"] = {
        "global_orient": smpl["global_orient"], "body_pose": np.asfortranarray(smpl["body_pose"][:, :21].astype(np.float64)),
        "betas": np.concatenate([smpl["betas"], np.full((N, 6), 0.25, dtype=np.float32)], 1), "transl": smpl["transl"],
        "left_hand_pose": np.full((N, 15, 3), 0.7, dtype=np.float32),
    }  # fmt: skip
    np.savez(path, **content)
    return path


def test_labels_of_smplx_keep_their_hands_and_what_is_not_fitted(tmp_path):
    path, out = smplx_file(tmp_path), tmp_path / "repaired.npz"
    table = repaired(path, tmp_path, SecondBest())
    rows, params = changed_bodies([table])
    assert torch.equal(params.R_parent_joint[:, 21:], torch.eye(3).expand(N, 2, 3, 3))
    open_labels(path).write_bodies(rows, params, MODEL, out)
    old, new = read_member(path, "smplx"), read_member(out, "smplx")
    assert new["body_pose"].flags.f_contiguous
    assert new["body_pose"].dtype == np.float64
    np.testing.assert_array_equal(new["betas"][:, 10:], old["betas"][:, 10:])
    np.testing.assert_array_equal(new["left_hand_pose"], old["left_hand_pose"])
    assert errors(out, tmp_path).mean() < 0.75 * errors(path, tmp_path).mean()


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_finger_tip_does_not_bend_the_wrist_of_smplx(side, tmp_path):
    path = smplx_file(tmp_path)
    content = dict(np.load(path, allow_pickle=True))
    plain = repaired(path, tmp_path, SecondBest())
    tip = next(i for i, name in HUMAN_DATA_190.items() if name == f"{side}_middle_tip")
    content["keypoints2d"][:, list(np.flatnonzero(content["keypoints2d_mask"])).index(tip), :2] += 20
    np.savez(path, **content)
    assert repaired(path, tmp_path, SecondBest()).equals(plain)


def test_keypoints_of_another_body_part_are_not_fitted_to():
    flat = np.ones((44, 3), dtype=np.float32)
    flat[:25, 2] = 0  # SPIN's 19 alone
    seen = seen_keypoints(flat, SPIN_44_OF_SMPL)
    given = {name for name, xyc in zip(KEYPOINT_NAMES, seen, strict=True) if xyc[2] > 0}
    assert {"left_knee", "right_wrist", "head_top"} <= given
    assert not given & {"left_hip", "right_hip", "neck", "pelvis"}
    flat[:, 2] = 0.3
    assert float(seen_keypoints(flat, SPIN_44_OF_SMPL)[:, 2].max()) == pytest.approx(0.3)


@pytest.mark.parametrize("under_cam_ext", [False, True])
def test_a_translation_of_camera_hmr_is_where_it_starts_and_is_written(under_cam_ext, tmp_path):
    path, out = noisy_file("camera_hmr", tmp_path), tmp_path / "repaired.npz"
    content = dict(np.load(path))
    content["pose"] = content.pop("pose_cam")
    content["trans_cam"] = np.stack([person(i)["transl"] for i in range(N)])
    if under_cam_ext:
        content["trans_cam"][:, 2] -= 1
        content["cam_ext"] = np.tile(np.eye(4), (N, 1, 1))
        content["cam_ext"][:, 2, 3] = 1
    np.savez(path, **content)
    rows, params = changed_bodies([repaired(path, tmp_path, SecondBest())])
    open_labels(path).write_bodies(rows, params, MODEL, out)
    found = list(open_labels(out).labelled(0, N, Photographs(tmp_path / "images"), MODEL))
    for i, label in enumerate(found):
        torch.testing.assert_close(label.params.t_cam_root, params.t_cam_root[i], atol=1e-5, rtol=0)
    assert not np.array_equal(read_member(out, "trans_cam"), content["trans_cam"])


def test_four_dimensional_humans_keypoints_of_camera_hmr(tmp_path):
    """Its loader reads 44 keypoints in 4D-Humans' order; the same bodies are found by them."""
    path = noisy_file("camera_hmr", tmp_path)
    by_joints = list(open_labels(path).labelled(0, N, Photographs(tmp_path / "images"), MODEL))
    content = dict(np.load(path))
    content["gtkps"] = np.zeros((N, 44, 3), dtype=np.float32)
    for i in range(N):
        for place, name in SPIN_44.items():
            content["gtkps"][i, place] = [*person(i)["pixels"][KEYPOINT_NAMES.index(name)], 1]
    np.savez(path, **content)
    for a, b in zip(by_joints, open_labels(path).labelled(0, N, Photographs(tmp_path / "images"), MODEL), strict=True):
        torch.testing.assert_close(a.params.t_cam_root, b.params.t_cam_root, atol=0.15, rtol=0)


def test_the_place_that_is_written_is_the_one_that_was_found(tmp_path):
    path = noisy_file("human_data", tmp_path)
    rows, params = changed_bodies([repaired(path, tmp_path, SecondBest())])
    open_labels(path).write_bodies(rows, params, MODEL, tmp_path / "repaired.npz")
    found = list(open_labels(tmp_path / "repaired.npz").labelled(0, N, Photographs(tmp_path / "images"), MODEL))
    for i, label in enumerate(found):
        torch.testing.assert_close(MODEL.keypoints(label.params), MODEL.keypoints(params[i]), atol=1e-4, rtol=0)
        off = project(MODEL.keypoints(label.params), label.K) - torch.from_numpy(person(i)["pixels"])
        assert float(off[:22].norm(dim=-1).mean()) < 2.0


def test_labels_that_the_scorer_prefers_as_they_were_stay(tmp_path):
    path = noisy_file("human_data", tmp_path)
    table = repaired(path, tmp_path, SecondBest(prefers_second=False))
    assert table["changed"].to_pylist() == [False] * N
    assert table["off_before_px"].to_pylist() == table["off_after_px"].to_pylist()
    rows, params = changed_bodies([table])
    open_labels(path).write_bodies(rows, params, MODEL, tmp_path / "repaired.npz")
    old, new = (read_member(p, "smpl") for p in (path, tmp_path / "repaired.npz"))
    assert all(np.array_equal(old[k], new[k]) for k in old)


def test_one_bad_row_is_said_and_the_others_are_repaired(tmp_path):
    path = noisy_file("camera_hmr", tmp_path)
    with np.load(path) as file:
        content = {name: file[name] for name in file.files}
    content["imgname"] = np.array(["nowhere.png", *["street.png"] * (N - 1)])
    content["shape"][1] = np.nan
    content["gtkps"][2, :, 2] = 0
    np.savez(path, **content)
    table = repaired(path, tmp_path, SecondBest())
    problems = table["problem"].to_pylist()
    assert "no photograph 'nowhere.png'" in problems[0]
    assert "not finite" in problems[1]
    assert "2D keypoints are given; three are needed" in problems[2]
    assert problems[3:] == ["", ""]
    assert table["changed"].to_pylist() == [False] * 3 + [True] * 2


def test_formats_whose_parameters_are_not_written_say_so(tmp_path):
    with pytest.raises(ValueError, match="EFT are not written; those of HumanData"):
        repaired(make("eft", tmp_path), tmp_path, SecondBest())
    with pytest.raises(ValueError, match="read as BEDLAM, whose labels are exact"):
        repaired(make("bedlam", tmp_path), tmp_path, SecondBest())
