"""HumanData of predictions, read by our own readers."""

import numpy as np
import pytest
import torch
from moving_people import moving
from PIL import Image

from adhmr.export.human_data import LabelledPeople, write_human_data
from hmr.camera import default_K, project
from hmr.formats.human_data import HumanDataRows
from hmr.formats.labels.open import open_labels
from hmr.formats.person_candidate import PersonCandidate
from hmr.formats.read_candidates import read_candidates
from hmr.free_body import free_body, free_body_with_hands
from hmr.photographs.folder import Photographs
from hmr.untrusted.object_npz import read_object_npz

BOXES = np.array([[10, 20, 40, 80], [1, 2, 3, 4], [5, 5, 9, 9]], dtype=np.float64)


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    (folder / "sub").mkdir(parents=True)
    for name in ("a.png", "sub/b.png"):
        Image.new("RGB", (320, 240)).save(folder / name)
    return folder


def written(path, model):
    """Three people of two photographs, with a camera each."""
    bodies, K = moving(model).bodies, default_K(320, 240)
    other = K.clone()
    other[0, 0] = other[1, 1] = 500
    people = [
        LabelledPeople("a.png", BOXES[:2], bodies[:2], K),
        LabelledPeople("sub/b.png", BOXES[2:], bodies[2:], other),
    ]
    write_human_data(path, people, model)
    return bodies, torch.stack([K, K, other])


def test_our_reader_gives_the_same_people_back(tmp_path, images):
    model = free_body()
    bodies, K = written(tmp_path / "labels.npz", model)
    rows = HumanDataRows(read_object_npz(tmp_path / "labels.npz"), "labels")
    for row, name in enumerate(("a.png", "a.png", "sub/b.png")):
        found = rows.by_parameters(row, "label", Photographs(images), model)
        assert isinstance(found, PersonCandidate)
        assert found.image == name
        torch.testing.assert_close(found.points_cam, model.keypoints(bodies[row]), atol=1e-4, rtol=0)
        torch.testing.assert_close(found.K, K[row])
    np.testing.assert_allclose(rows.content["bbox_xywh"][0], [10, 20, 30, 60, 1])


def test_keypoints_fall_where_the_body_is_seen_and_are_nobodys_clicks(tmp_path, images):
    model = free_body()
    bodies, K = written(tmp_path / "labels.npz", model)
    content = read_object_npz(tmp_path / "labels.npz")
    stored = np.flatnonzero(content["keypoints2d_smpl_mask"])
    wrist = list(stored).index(20)  # HumanData's first 22 are SMPL's joints
    wanted = project(model.keypoints(bodies)[:, 20:21], K)[:, 0]
    np.testing.assert_allclose(content["keypoints2d_smpl"][:, wrist, :2], wanted, rtol=1e-4)
    with pytest.raises(ValueError, match="made of its parameters"):
        HumanDataRows(content, "labels").labelled(0, Photographs(images), model)


def test_cleaning_opens_it_and_drops_rows(tmp_path):
    written(tmp_path / "labels.npz", free_body())
    file = open_labels(tmp_path / "labels.npz")
    assert len(file.rows) == 3
    file.write(np.array([True, False, True]), tmp_path / "kept.npz")
    assert list(read_object_npz(tmp_path / "kept.npz")["image_path"]) == ["a.png", "sub/b.png"]


def test_bodies_with_hands_are_of_smplx(tmp_path):
    model = free_body_with_hands()
    written(tmp_path / "labels.npz", model)
    content = read_object_npz(tmp_path / "labels.npz")
    assert "smpl" not in content
    assert content["smplx"]["body_pose"].shape == (3, 21, 3)
    assert content["smplx"]["left_hand_pose"].shape == (3, 15, 3)


def test_in_a_folder_of_predictions_nobody_is_a_candidate_twice(tmp_path, images):
    written(tmp_path / "out" / "human_data.npz", free_body())
    photographs = Photographs(images)
    assert read_candidates(tmp_path / "out", "m", photographs, free_body()) == ([], [])
    alone, _ = read_candidates(tmp_path / "out" / "human_data.npz", "m", photographs, free_body())
    assert len(alone) == 3
