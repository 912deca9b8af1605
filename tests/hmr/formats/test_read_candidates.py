"""Each format is written as its model writes it, for a body whose place is known, and must give that body back."""

import json

import numpy as np
import pytest
import roma
import torch
from PIL import Image

from hmr.body import BodyParams
from hmr.camera import default_K
from hmr.formats.read_candidates import read_candidates
from hmr.free_body import free_body
from hmr.photographs.folder import Photographs
from hmr.skeleton import KEYPOINT_NAMES

W, H = 320, 240


@pytest.fixture
def photographs(tmp_path):
    folder = tmp_path / "photographs"
    folder.mkdir()
    Image.new("RGB", (W, H), "grey").save(folder / "street.png")
    return folder


@pytest.fixture(scope="module")
def person():
    """A body with SMPL's parameters as files hold them: axis-angle, betas, transl."""
    generator = torch.Generator().manual_seed(0)
    body = free_body(6900)
    rotvec = 0.2 * torch.randn(24, 3, generator=generator)
    rotvec[0] = torch.tensor([3.0, 0.1, 0.0])
    rotvec[22:] = 0  # SMPL-X has no hand joints: they are at rest
    betas, transl = torch.randn(10, generator=generator), torch.tensor([0.2, 0.1, 4.0])
    rotations = roma.rotvec_to_rotmat(rotvec)
    params = BodyParams(rotations[0], rotations[1:], betas, transl + body.rest_keypoints(betas)[0])
    arrays = {"global_orient": rotvec[:1], "body_pose": rotvec[1:], "betas": betas, "transl": transl}
    return body.keypoints(params), {k: v.numpy() for k, v in arrays.items()}, rotations, body


def only(found):
    (candidates, bad) = found
    assert bad == []
    assert len(candidates) == 1
    return candidates[0]


def test_smpler_x_with_its_meta_file(tmp_path, photographs, person):
    points, arrays, _, body = person
    (tmp_path / "smplx").mkdir()
    (tmp_path / "meta").mkdir()
    np.savez(tmp_path / "smplx" / "street_0.npz", **{**arrays, "body_pose": arrays["body_pose"][:21]})
    (tmp_path / "smplx" / "street_0.npz").rename(tmp_path / "smplx" / "00001_0.npz")
    meta = {"focal": [400.0, 410.0], "princpt": [150.0, 120.0], "img_path": "frames/street.png"}
    (tmp_path / "meta" / "00001_0.json").write_text(json.dumps(meta))
    candidate = only(read_candidates(tmp_path / "smplx", "smpler-x", Photographs(photographs), body))
    torch.testing.assert_close(candidate.points_cam, points, atol=1e-5, rtol=0)
    assert candidate.image == "street.png"
    assert candidate.K.tolist() == [[400, 0, 150], [0, 410, 120], [0, 0, 1]]


def test_human_data_with_smpl_and_with_smplx(tmp_path, photographs, person):
    points, arrays, _, body = person
    two = {k: np.stack([v, v]) for k, v in arrays.items()}
    meta = {"focal_length": 500.0, "principal_point": np.array([[W / 2, H / 2]] * 2)}
    for name, cut in (("smpl", 23), ("smplx", 21)):
        parameters = {**two, "body_pose": two["body_pose"][:, :cut]}
        path = tmp_path / f"{name}.npz"
        np.savez(path, image_path=np.array(["elsewhere/street.png"] * 2), meta=meta, **{name: parameters})
        candidates, bad = read_candidates(path, name, Photographs(photographs), body)
        assert bad == []
        assert len(candidates) == 2
        torch.testing.assert_close(candidates[1].points_cam, points, atol=1e-5, rtol=0)
        assert float(candidates[1].K[0, 0]) == 500


def test_4d_humans_with_either_camera(tmp_path, photographs, person):
    points, arrays, rotations, body = person
    smpl = {"global_orient": rotations[:1].numpy(), "body_pose": rotations[1:].numpy(), "betas": arrays["betas"]}
    focal, centre, box = 5000 / 256 * W, np.array([150.0, 100.0]), 200.0
    t = arrays["transl"]
    s = 2 * focal / (box * t[2])
    cam = [s, t[0] - 2 * (centre[0] - W / 2) / (box * s), t[1] - 2 * (centre[1] - H / 2) / (box * s)]
    np.savez(tmp_path / "street_0.npz", pred_smpl_params=smpl, pred_cam=cam, box_center=centre, box_size=box)
    np.savez(tmp_path / "street_1.npz", **smpl, pred_cam_t_full=t, scaled_focal_length=focal)
    for name in ("street_0", "street_1"):
        candidate = only(read_candidates(tmp_path / f"{name}.npz", "hmr2", Photographs(photographs), body))
        torch.testing.assert_close(candidate.points_cam, points, atol=1e-4, rtol=0)
        assert float(candidate.K[0, 0]) == pytest.approx(focal)


def test_sam_3d_body_gives_some_of_the_keypoints(tmp_path, photographs, person):
    points, _, _, body = person
    theirs = np.zeros((70, 3), dtype=np.float32)
    t = points[0].numpy()
    for place, name in ((9, "left_hip"), (10, "right_hip"), (62, "left_wrist"), (69, "neck")):
        theirs[place] = points[KEYPOINT_NAMES.index(name)].numpy() - t
    np.savez(tmp_path / "street.npz", pred_keypoints_3d=theirs, pred_cam_t=t, focal_length=450.0)
    candidate = only(read_candidates(tmp_path / "street.npz", "sam-3d-body", Photographs(photographs), body))
    wrist = KEYPOINT_NAMES.index("left_wrist")
    torch.testing.assert_close(candidate.points_cam[wrist], points[wrist], atol=1e-5, rtol=0)
    assert candidate.known[wrist]
    assert not candidate.known[KEYPOINT_NAMES.index("spine1")]
    torch.testing.assert_close(candidate.points_cam[0], 0.5 * (points[1] + points[2]), atol=1e-5, rtol=0)


def test_what_cannot_be_read_is_listed_and_the_rest_is_read(tmp_path, photographs, person):
    _, arrays, _, body = person
    folder = tmp_path / "model"
    folder.mkdir()
    np.savez(folder / "street_0.npz", **arrays)
    np.savez(folder / "street_1.npz", **{**arrays, "body_pose": np.zeros((20, 3))})
    np.savez(folder / "street_2.npz", **{**arrays, "transl": np.array([0.0, 0.0, -3.0])})
    np.savez(folder / "street_3.npz", **{**arrays, "betas": np.full(10, np.nan)})
    np.savez(folder / "unknown_0.npz", **arrays)
    np.savez(folder / "strange.npz", x=np.zeros(3))
    (folder / "broken.npz").write_bytes(b"PK")
    candidates, bad = read_candidates(folder, "model", Photographs(photographs), body)
    assert [c.where for c in candidates] == [str(folder / "street_0.npz")]
    torch.testing.assert_close(candidates[0].K, default_K(W, H))
    reasons = {b.where.rpartition("/")[2]: b.reason for b in bad}
    assert set(reasons) == {
        "street_1.npz",
        "street_2.npz",
        "street_3.npz",
        "unknown_0.npz",
        "strange.npz",
        "broken.npz",
    }
    assert "23 joints" in reasons["street_1.npz"]
    assert "behind the camera" in reasons["street_2.npz"]
    assert "not finite" in reasons["street_3.npz"]
    assert "no photograph 'unknown_0'" in reasons["unknown_0.npz"]
    assert "the format is not known" in reasons["strange.npz"]


def test_an_empty_folder_is_named(tmp_path, photographs):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"empty: has no \.npz files"):
        read_candidates(tmp_path / "empty", "model", Photographs(photographs), free_body(1200))
