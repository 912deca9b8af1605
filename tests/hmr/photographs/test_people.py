"""The people of a COCO file: what it says is believed only where it fits the photograph."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from hmr.camera import default_K, square_crop_affine
from hmr.photographs.folder import Photographs
from hmr.photographs.people import Person, crops, read_people


@pytest.fixture
def photographs(tmp_path):
    (tmp_path / "sub").mkdir()
    Image.new("RGB", (100, 80), "gray").save(tmp_path / "sub" / "a.jpg")
    return Photographs(tmp_path)


def people(photographs, tmp_path, notes, images=None, **more):
    images = images or [{"id": 1, "file_name": "train2017/sub/a.jpg", "width": 100, "height": 80}]
    path = tmp_path / "people.json"
    path.write_text(json.dumps({"images": images, "annotations": notes, **more}))
    found = read_people(path, photographs)
    got, skipped = found.people_of("sub/a.jpg", "a", np.zeros((80, 100, 3), np.uint8))
    return [p.box_xyxy for p in got], [s.reason for s in found.skipped + skipped]


GOOD = {"id": 7, "image_id": 1, "category_id": 1, "bbox": [10, 10, 30, 50]}


def test_boxes_of_whole_numbers_are_boxes(photographs, tmp_path):
    assert people(photographs, tmp_path, [GOOD]) == ([(10.0, 10.0, 40.0, 60.0)], [])
    for dtype in (torch.int32, torch.int64, torch.uint8, torch.float16, torch.float64):
        A = square_crop_affine(torch.tensor([10, 10, 40, 60], dtype=dtype), 64)
        torch.testing.assert_close(
            A.double(), square_crop_affine(torch.tensor([10.0, 10, 40, 60]), 64).double(), rtol=1e-2, atol=1
        )


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"bbox": None}, "not four numbers"),
        ({"bbox": "all of it"}, "not four numbers"),
        ({"bbox": [1, 2, 3]}, "not four numbers"),
        ({"bbox": [10, 10, 0, 50]}, "no area"),
        ({"bbox": [500, 10, 30, 50]}, "outside the 100 x 80"),
        ({"bbox": [10, 10, float("nan"), 5]}, "not finite"),
        ({"bbox": [-9e5, -9e5, 2e6, 2e6]}, "times the 100 x 80 picture"),
    ],
)
def test_one_bad_annotation_does_not_end_the_others(photographs, tmp_path, bad, words):
    boxes, reasons = people(photographs, tmp_path, [{**GOOD, **bad}, GOOD])
    assert boxes == [(10.0, 10.0, 40.0, 60.0)]
    assert len(reasons) == 1
    assert words in reasons[0]


@pytest.mark.parametrize("note", [None, "text", [1, 2], {"bbox": [1, 2, 3, 4]}])
def test_what_is_no_annotation_is_listed(photographs, tmp_path, note):
    boxes, reasons = people(photographs, tmp_path, [note, GOOD])
    assert len(boxes) == 1
    assert "not an annotation" in reasons[0]


def test_a_photograph_of_another_size_is_another_photograph(photographs, tmp_path):
    images = [{"id": 1, "file_name": "a.jpg", "width": 640, "height": 480}]
    boxes, reasons = people(photographs, tmp_path, [GOOD], images)
    assert boxes == []
    assert "says 640 x 480" in reasons[0]


def test_only_people_are_people(photographs, tmp_path):
    categories = [{"id": 1, "name": "car"}, {"id": 2, "name": "person"}]
    notes = [GOOD, {**GOOD, "category_id": 2, "bbox": [5, 5, 20, 20]}]
    boxes, _ = people(photographs, tmp_path, notes, categories=categories)
    assert boxes == [(5.0, 5.0, 25.0, 25.0)]


def test_ids_may_be_text(photographs, tmp_path):
    images = [{"id": "1", "file_name": "sub/a.jpg"}]
    assert people(photographs, tmp_path, [{**GOOD, "image_id": 1, "category_id": "1"}], images)[0] == [(10, 10, 40, 60)]


def test_another_format_is_told(photographs, tmp_path):
    (tmp_path / "x.json").write_text("[]")
    with pytest.raises(ValueError, match="COCO"):
        read_people(tmp_path / "x.json", photographs)


def test_a_crop_keeps_the_photographs_camera():
    photograph = torch.zeros(80, 100, 3, dtype=torch.uint8).numpy()
    K = default_K(100, 80)
    views = crops(photograph, [Person("p", (10.0, 10.0, 40.0, 60.0))], 64, K)
    assert torch.equal(views.camera.K[0], K)
    assert views.camera.size_wh[0].tolist() == [100, 80]
    torch.testing.assert_close(views.K[0], views.A_view_picture[0] @ K)
