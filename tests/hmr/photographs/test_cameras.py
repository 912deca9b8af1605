"""Which camera a photograph has, from what is said."""

import json

import pytest
import torch
from PIL import Image

from hmr.photographs.cameras import Cameras, camera_matrix, given_cameras
from hmr.photographs.folder import Photographs


@pytest.fixture
def photographs(tmp_path):
    (tmp_path / "images").mkdir()
    for name in ("a.jpg", "b.jpg"):
        Image.new("RGB", (40, 30)).save(tmp_path / "images" / name)
    return Photographs(tmp_path / "images")


def test_without_a_word_it_is_exif_or_the_diagonal():
    assert Cameras().K_of("a.jpg", (40, 30)).tolist() == [[50, 0, 20], [0, 50, 15], [0, 0, 1]]
    assert Cameras().K_of("a.jpg", (40, 30), 70.0)[0, 0] == 70
    assert Cameras(focal_px=60).K_of("a.jpg", (40, 30), 70.0)[1, 1] == 60


def test_intrinsics_of_all_photographs(photographs):
    K = given_cameras(None, [60, 61, 19, 14], photographs).K_of("a.jpg", (40, 30), 70.0)
    assert K.tolist() == [[60, 0, 19], [0, 61, 14], [0, 0, 1]]


def test_intrinsics_by_name(photographs, tmp_path):
    path = tmp_path / "cameras.json"
    matrix = [[60, 0, 19], [0, 61, 14], [0, 0, 1]]
    path.write_text(json.dumps({"train/a.jpg": matrix, "elsewhere.jpg": [1, 1, 1, 1], "b.jpg": [0, 1, 1, 1]}))
    cameras = given_cameras(None, path, photographs)
    assert cameras.K_of("a.jpg", (40, 30)).tolist() == matrix
    with pytest.raises(ValueError, match="none of this one"):
        cameras.K_of("b.jpg", (40, 30))
    [skipped] = cameras.skipped
    assert skipped.what == "cameras.json b.jpg"
    assert "focal lengths above 0" in skipped.reason


def test_a_focal_length_and_intrinsics_are_one_too_many(photographs):
    with pytest.raises(ValueError, match="one of the two"):
        given_cameras(60.0, [60, 60, 20, 15], photographs)


@pytest.mark.parametrize("content", [[], {}, [1, 2, 3, 4]])
def test_a_file_that_names_no_photograph_is_refused(photographs, tmp_path, content):
    (tmp_path / "k.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match="expected cameras by name"):
        given_cameras(None, tmp_path / "k.json", photographs)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([60, 60, 20], "fx, fy, cx, cy or a 3 x 3 matrix"),
        ("sixty", "fx, fy, cx, cy or a 3 x 3 matrix"),
        ([[1, 2], [3]], "fx, fy, cx, cy or a 3 x 3 matrix"),
        ([60, float("nan"), 20, 15], "finite numbers"),
        ([60, -60, 20, 15], "focal lengths above 0"),
        ([[60, 0, 20], [0, 60, 15], [0, 0, 2]], r"\[0, 0, 1\]"),
        ([[60, 0, 0], [0, 60, 0], [20, 15, 1]], r"\[0, 0, 1\]"),
    ],
)
def test_what_is_no_camera_is_refused(values, words):
    with pytest.raises(ValueError, match=words):
        camera_matrix(values, "here")


def test_a_matrix_may_be_skewed():
    K = [[60.0, 0.5, 20.0], [0, 60, 15], [0, 0, 1]]
    torch.testing.assert_close(camera_matrix(K, "here"), torch.tensor(K))
