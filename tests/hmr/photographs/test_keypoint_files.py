"""Keypoints of other tools, and what of them is not believed."""

import json

import numpy as np
import pytest
from PIL import Image

from hmr.keypoint_sets import COCO_WHOLEBODY, OPENPOSE_25
from hmr.photographs.folder import Photographs
from hmr.photographs.keypoint_files import read_keypoints
from hmr.photographs.people import crops
from hmr.photographs.read import exif_focal_px

PICTURE = np.zeros((80, 100, 3), np.uint8)


@pytest.fixture
def photographs(tmp_path):
    (tmp_path / "images").mkdir()
    Image.fromarray(PICTURE).save(tmp_path / "images" / "a.jpg")
    return Photographs(tmp_path / "images")


def of_coco(photographs, tmp_path, **note):
    note = {"id": 7, "image_id": 1, "bbox": [10, 10, 30, 50], **note}
    content = {"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [note]}
    (tmp_path / "k.json").write_text(json.dumps(content))
    return read_keypoints(tmp_path / "k.json", photographs).people_of("a.jpg", "a", PICTURE)


def triples(count, visible=2):
    return [v for i in range(count) for v in (20 + i % 10, 20 + 2 * (i % 10), visible)]


def test_coco_and_whole_bodies_are_told_apart(photographs, tmp_path):
    [person], skipped = of_coco(photographs, tmp_path, keypoints=triples(17))
    assert not skipped
    assert person.keypoints.count == 17
    assert person.keypoints.px[0, 2] == 1  # 2: seen
    more = {"foot_kpts": 6, "face_kpts": 68, "lefthand_kpts": 21, "righthand_kpts": 21}
    [person], _ = of_coco(photographs, tmp_path, keypoints=triples(17), **{n: triples(c) for n, c in more.items()})
    assert person.keypoints.of is COCO_WHOLEBODY


def test_prompts_travel_with_the_crop(photographs, tmp_path):
    import torch

    [person], _ = of_coco(photographs, tmp_path, keypoints=triples(17))
    views = crops(PICTURE, [person], 64, torch.eye(3))
    said = views.prompts.keypoints_px[0, 0]
    expected = views.A_view_picture[0] @ torch.tensor([20.0, 20.0, 1.0])
    torch.testing.assert_close(said[:2], expected[:2])
    assert not views.prompts.keypoints_px[0, 18].any()  # no top of the head in COCO


def test_a_box_is_made_of_keypoints_where_there_is_none(photographs, tmp_path):
    [person], _ = of_coco(photographs, tmp_path, bbox=None, keypoints=triples(17))
    x0, y0, x1, y1 = person.box_xyxy
    assert x0 < 20 < 29 < x1
    assert y0 < 20 < 38 < y1


@pytest.mark.parametrize(
    ("note", "words"),
    [
        ({"keypoints": triples(15)}, "no known set has 15"),
        ({"keypoints": "all"}, "not x, y and visibility"),
        ({"keypoints": [1, 2]}, "not x, y and visibility"),
        ({"bbox": None, "keypoints": triples(1) + [0, 0, 0] * 16}, "two are needed"),
    ],
)
def test_what_is_no_keypoints_is_listed(photographs, tmp_path, note, words):
    people, skipped = of_coco(photographs, tmp_path, **note)
    assert not people
    assert words in skipped[0].reason


def test_keypoints_of_which_none_is_marked_say_nothing(photographs, tmp_path):
    [person], _ = of_coco(photographs, tmp_path, keypoints=[0] * 51)
    assert person.keypoints is None


def test_openpose_writes_a_file_for_each_photograph(photographs, tmp_path):
    folder = tmp_path / "openpose"
    folder.mkdir()
    good, bad = {"pose_keypoints_2d": triples(25, 0.7)}, {"pose_keypoints_2d": [1, 2]}
    (folder / "a_keypoints.json").write_text(json.dumps({"people": [good, bad]}))
    source = read_keypoints(folder, photographs)
    [person], skipped = source.people_of("a.jpg", "a", PICTURE)
    assert person.keypoints.of is OPENPOSE_25
    assert len(skipped) == 1
    people, skipped = source.people_of("sub/b.jpg", "b", PICTURE)
    assert not people
    assert "no b_keypoints.json" in skipped[0].reason
    (folder / "a_keypoints.json").write_text("[]")
    assert "not OpenPose" in source.people_of("a.jpg", "a", PICTURE)[1][0].reason
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="there are none"):
        read_keypoints(tmp_path / "empty", photographs)


def test_two_photographs_of_one_name_have_openpose_files_in_their_folders(photographs, tmp_path):
    for name in ("x/p.jpg", "y/p.jpg"):
        (tmp_path / "images" / name).parent.mkdir()
        Image.fromarray(PICTURE).save(tmp_path / "images" / name)
    folder = tmp_path / "openpose"
    (folder / "x").mkdir(parents=True)
    written = json.dumps({"people": [{"pose_keypoints_2d": triples(25, 0.7)}]})
    (folder / "p_keypoints.json").write_text(written)
    source = read_keypoints(folder, photographs)
    for name in ("x/p.jpg", "y/p.jpg"):
        people, [skipped] = source.people_of(name, "k", PICTURE)
        assert not people
        assert "1 files p_keypoints.json and 2 photographs 'p'" in skipped.reason
    (folder / "p_keypoints.json").rename(folder / "x" / "p_keypoints.json")
    source = read_keypoints(folder, photographs)
    assert len(source.people_of("x/p.jpg", "k", PICTURE)[0]) == 1
    assert not source.people_of("y/p.jpg", "k", PICTURE)[0]


def test_who_was_annotated_twice_is_one_person(photographs, tmp_path):
    note = {"image_id": 1, "bbox": [10, 10, 30, 50], "keypoints": triples(17)}
    notes = [{**note, "id": 1}, {**note, "id": 2}, {**note, "id": 3, "bbox": [10, 40, 30, 20]}]
    (tmp_path / "k.json").write_text(
        json.dumps(
            {"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [*notes, {**note, "id": 4, "keypoints": None}]}
        )
    )
    people, [skipped] = read_keypoints(tmp_path / "k.json", photographs).people_of("a.jpg", "a", PICTURE)
    assert [person.key for person in people] == ["a-00", "a-02", "a-03"]  # boxes that overlap may be of two people
    assert skipped.what == "a.jpg annotation 2"


def test_the_focal_length_of_exif(tmp_path):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA405] = 43
    Image.new("RGB", (400, 300)).save(tmp_path / "with.jpg", exif=exif)
    Image.new("RGB", (400, 300)).save(tmp_path / "without.jpg")
    assert exif_focal_px(tmp_path / "with.jpg") == pytest.approx(500 * 43 / 43.27)  # the diagonal is 500 px
    assert exif_focal_px(tmp_path / "without.jpg") is None
