"""Views, samples and hypotheses: what belongs together stays together, what does not fit is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from hmr.body import BodyParams, smpl_of
from hmr.camera import Camera, project
from hmr.free_body import free_body, free_body_with_hands
from hmr.hypotheses import Hypotheses, load_hypotheses, require_body, save_hypotheses
from hmr.pictures import StoredPictures
from hmr.prediction import Prediction
from hmr.samples import Samples, load_all_samples, load_samples, load_views, save_samples, save_views
from hmr.views import Prompts, Views, check_same_pictures, matched


def hypotheses_of(samples, count=3):
    params = samples.label.map(lambda x: x[:, None].expand(-1, count, *x.shape[1:]))
    return Hypotheses(samples.key, params, "free-body", "test", 0)


def test_a_crop_of_a_crop_has_the_camera_of_both(small_world):
    views = small_world["source"]
    A = torch.tensor([[2.0, 0, -10], [0, 2.0, 4], [0, 0, 1]]).expand(16, 3, 3)
    nested = replace(views, A_view_picture=A @ views.A_view_picture)
    point = torch.tensor([[0.1, 0.2, 4.0]])
    before = project(point, views.K)
    expected = before * 2 + torch.tensor([-10.0, 4.0])
    torch.testing.assert_close(project(point, nested.K), expected)
    assert torch.equal(nested.camera.K, views.camera.K)


def test_a_camera_is_not_rounded_under_autocast(small_world):
    views = small_world["source"][:2]
    with torch.autocast("cpu", torch.bfloat16):
        K = replace(views).K
    torch.testing.assert_close(K, views.camera.K, rtol=0, atol=0)


def test_fields_that_do_not_fit_are_refused_by_name(small_world):
    samples = small_world["source"]
    with pytest.raises(ValueError, match=r"Samples\.rgb: expected 16 rows"):
        replace(samples, rgb=samples.rgb[:3])
    with pytest.raises(ValueError, match=r"Samples\.camera: expected 16 rows"):
        replace(samples, camera=samples.camera[torch.arange(3)])
    with pytest.raises(ValueError, match=r"A_view_picture: expected"):
        replace(samples, A_view_picture=torch.eye(3).expand(15, 3, 3))
    with pytest.raises(ValueError, match=r"keypoints_2d: expected \(16, 29, 3\)"):
        replace(samples, keypoints_2d=torch.zeros(16, 81, 3))
    with pytest.raises(ValueError, match=r"Camera\.size_wh"):
        Camera(torch.eye(3), torch.tensor([1, 2, 3]))
    with pytest.raises(ValueError, match=r"label_kind: expected one of"):
        replace(samples, label_kind=("none",) * 16)


def test_pictures_without_labels_survive_their_files_and_are_no_samples(tmp_path, small_world):
    said = Prompts(torch.rand(16, 24, 3), torch.randint(256, (16, 64, 64), dtype=torch.uint8))
    views = replace(small_world["target"].unlabelled(), prompts=said)
    save_views(tmp_path, views)
    back = load_views(tmp_path)
    assert type(back) is Views
    assert back.key == views.key
    assert back.prompts is not None
    torch.testing.assert_close(back.prompts.mask, said.mask)
    torch.testing.assert_close(back.K, views.K)
    with pytest.raises(ValueError, match="without labels"):
        load_samples(tmp_path)


def test_a_set_of_version_0_1_is_read(tmp_path, small_world):
    samples = small_world["source"]
    save_samples(tmp_path, samples)
    with np.load(tmp_path / "labels.npz") as file:
        arrays = {k: file[k] for k in file.files if k not in ("K_picture", "picture_wh", "A_view_picture")}
    np.savez(tmp_path / "labels.npz", **arrays)
    torch.testing.assert_close(load_samples(tmp_path).K, samples.K)
    arrays["label_kind"] = np.array(["none"] * 16)
    np.savez(tmp_path / "labels.npz", **arrays)
    assert len(load_views(tmp_path)) == 16
    with pytest.raises(ValueError, match="without labels"):
        load_samples(tmp_path)


def test_pictures_are_read_from_disk_when_they_are_taken(tmp_path, small_world):
    save_samples(tmp_path, small_world["source"])
    back = load_samples(tmp_path)
    read = back.rgb[3].clone()
    with (tmp_path / "pictures.npy").open("r+b") as stream:  # what was not read yet is what lies on the disk now
        stream.seek(-64 * 64 * 3, 2)
        stream.write(bytes(64 * 64 * 3))
    assert int(back.rgb[15].max()) == 0
    assert torch.equal(read, small_world["source"].rgb[3])
    assert torch.equal(back.rgb[3], small_world["source"].rgb[3])
    torch.testing.assert_close(back.pictures([3, 5]), small_world["source"].rgb[[3, 5]].float() / 255)


def test_candidates_made_for_other_cameras_are_refused(tmp_path, small_world):
    samples = small_world["source"]
    save_hypotheses(tmp_path / "h.npz", hypotheses_of(samples), samples)
    assert load_hypotheses(tmp_path / "h.npz", samples).key == samples.key
    A = torch.diag(torch.tensor([1.2, 1.2, 1.0]))
    other = replace(samples, A_view_picture=A @ samples.A_view_picture)
    with pytest.raises(ValueError, match="16 sets of candidates were made for other cameras"):
        load_hypotheses(tmp_path / "h.npz", other)


def test_keys_in_another_order_are_another_set(small_world):
    samples = small_world["source"]
    with pytest.raises(ValueError, match="first difference at 0"):
        check_same_pictures(samples, samples.key[::-1])
    assert matched(samples, samples.key[::-1]).key == samples.key[::-1]
    with pytest.raises(ValueError, match="no pictures for 1 keys"):
        matched(samples, ("nobody",))


def test_candidates_of_another_body_are_refused(small_world):
    candidates = hypotheses_of(small_world["source"])
    require_body(candidates, free_body(1200), "h.npz")
    require_body(candidates, free_body(6900), "h.npz")  # another level of detail of the same body
    with pytest.raises(ValueError, match=r"h\.npz: candidates are of the body 'free-body'"):
        require_body(candidates, free_body_with_hands(2500), "h.npz")


def test_a_model_refuses_bodies_of_another_skeleton(small_world):
    with pytest.raises(ValueError, match="has 55 joints"):
        free_body_with_hands(2500).posed(small_world["source"].label)


def test_candidates_with_hands_survive_their_files(tmp_path, small_world):
    samples = small_world["source"][:4]
    eye = torch.eye(3)
    params = BodyParams(
        eye.expand(4, 2, 3, 3),
        eye.expand(4, 2, 54, 3, 3),
        torch.zeros(4, 2, 10),
        torch.ones(4, 2, 3),
        torch.ones(4, 2, 10),
    )
    save_hypotheses(tmp_path / "h.npz", Hypotheses(samples.key, params, "free-body-with-hands", "t", 1), samples)
    back = load_hypotheses(tmp_path / "h.npz", samples)
    assert back.params.skeleton.name == "smplx"
    assert back.params.expression is not None
    torch.testing.assert_close(back.params.expression, params.expression)
    assert smpl_of(back.params).skeleton.name == "smpl"


def test_a_prediction_is_best_first_with_its_estimate(small_world):
    samples = small_world["source"]
    score = torch.rand(16, 3, generator=torch.Generator().manual_seed(0))
    found = Prediction.best_first(samples, hypotheses_of(samples), score, -score, None)
    assert bool((found.score.diff(dim=1) <= 0).all())
    torch.testing.assert_close(found.expected_error_mm, -found.score)
    assert torch.equal(found.estimate.t_cam_root, found.ranked.params.t_cam_root[:, 0])
    assert found[[2, 1]].views.key == (samples.key[2], samples.key[1])
    with pytest.raises(ValueError, match=r"Prediction\.score"):
        replace(found, score=score[:, :2])


def test_sets_are_joined_and_cut_without_reading_their_pictures(tmp_path, small_world):
    for name, samples in small_world.items():
        save_samples(tmp_path / name, samples)
    together = load_all_samples([tmp_path / name for name in small_world])
    some = together[[20, 3, 17]][1:]
    assert isinstance(some.rgb, StoredPictures)
    assert isinstance(together.rgb, StoredPictures)
    assert some.rgb.files[0].data_ptr() == together.rgb.files[0].data_ptr()  # nothing was copied
    assert torch.equal(some.rgb[0], small_world["source"].rgb[3])
    for number in (np.int64(0), np.array(0), torch.tensor(0)):  # as a tensor takes them
        assert torch.equal(some.rgb[number], some.rgb[0])
    assert torch.equal(some.rgb[:], torch.stack([small_world["source"].rgb[3], small_world["target"].rgb[1]]))
    save_samples(tmp_path / "some", some)
    assert torch.equal(load_samples(tmp_path / "some").rgb[:], some.rgb[:])
    both = Samples.cat([some, small_world["source"][:2]])
    assert torch.equal(both.rgb[2], small_world["source"].rgb[0])
