"""Keypoints as a table: what is read, and what is said of a line that is not."""

import numpy as np
import pytest
from PIL import Image

from hmr.keypoint_sets import BLAZEPOSE_33, COCO_17, LSP_14
from hmr.photographs.folder import Photographs
from hmr.photographs.keypoint_files import read_keypoints

PICTURE = np.zeros((80, 100, 3), np.uint8)
POINTS = ("nose", "left_hip", "right_ankle")
HEAD = "image," + ",".join(f"{p}_{e}" for p in POINTS for e in "xyc")
GOOD = "a.jpg,30,20,1,40,30,0.5,50,70,0.9"


@pytest.fixture
def photographs(tmp_path):
    (tmp_path / "images").mkdir()
    for name in ("a.jpg", "b.jpg"):
        Image.fromarray(PICTURE).save(tmp_path / "images" / name)
    return Photographs(tmp_path / "images")


def table(tmp_path, *lines: str):
    (tmp_path / "k.csv").write_text("\n".join(lines) + "\n", encoding="utf-8-sig")
    return tmp_path / "k.csv"


def people(photographs, tmp_path, *lines: str):
    source = read_keypoints(table(tmp_path, *lines), photographs)
    found, skipped = source.people_of("a.jpg", "a", PICTURE)
    return found, [*source.skipped, *skipped]


def test_a_row_is_a_person(photographs, tmp_path):
    found, skipped = people(photographs, tmp_path, HEAD, GOOD, GOOD)
    assert not skipped
    assert [person.key for person in found] == ["a-00", "a-01"]
    said = found[0].keypoints
    assert said.of is COCO_17
    assert said.count == 3
    np.testing.assert_allclose(said.px[COCO_17.place["left_hip"]], [40, 30, 0.5])
    x0, y0, x1, y1 = found[0].box_xyxy
    assert x0 < 30 < 50 < x1
    assert y0 < 20 < 70 < y1


def test_the_set_is_the_smallest_with_all_points(photographs, tmp_path):
    def of(*points: str):
        head = "image," + ",".join(f"{p}_{e}" for p in points for e in "xyc")
        return read_keypoints(table(tmp_path, head, "a.jpg" + ",1,2,1" * len(points)), photographs).of

    assert of("head_top", "left_hip") is LSP_14
    assert of("left_heel", "mouth_left") is BLAZEPOSE_33
    with pytest.raises(ValueError, match=r"no known set has all of its points \(head_top, mouth_left\)"):
        of("head_top", "mouth_left")


def test_a_box_and_a_name_may_be_given(photographs, tmp_path):
    head = HEAD.replace("image,", "image,person,box_x0,box_y0,box_x1,box_y1,")
    row, bad = (GOOD.replace("a.jpg,", f"a.jpg,{given},") for given in ("Ann,5,6,90,75", "Bob,5,6,5,75"))
    [person], [skipped] = people(photographs, tmp_path, head, row, bad)
    assert person.box_xyxy == (5, 6, 90, 75)
    assert skipped.what == "k.csv line 3 (a.jpg, person Bob)"
    assert "no area" in skipped.reason
    one = "a.jpg,,5,6,90,75,30,20,1" + "," * 6
    [person], _ = people(photographs, tmp_path, head, one)  # a box is enough beside one point
    assert person.keypoints.count == 1


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (GOOD.replace("40", "nan"), "left_hip_x: expected a finite number, got 'nan'"),
        (GOOD.replace("0.9", "much"), "right_ankle_c: expected a finite number, got 'much'"),
        (GOOD.replace("40", ""), "left_hip_x: expected a finite number, got ''"),
        (GOOD.replace("0.5", "50"), "left_hip_c: expected a confidence from 0 to 1"),
        ("a.jpg,30,20,0,40,30,0,50,70,0", "0 of its keypoints are marked; without a box two are needed"),
        ("a.jpg,30,20,1,,,,,,", "1 of its keypoints are marked"),
        ("a.jpg,830,820,1,840,830,1,850,870,1", "outside the 100 x 80 picture"),
        ("c.jpg" + GOOD[5:], "no photograph 'c.jpg'"),
        (GOOD + ",7", "has not as many cells"),
        ("a.jpg,1", "has not as many cells"),
    ],
)
def test_one_bad_row_does_not_end_the_others(photographs, tmp_path, row, words):
    found, skipped = people(photographs, tmp_path, HEAD, row, GOOD)
    assert len(found) == 1
    assert len(skipped) == 1
    assert "k.csv line 2" in skipped[0].what
    assert words in skipped[0].reason


def test_a_photograph_that_is_not_in_it_is_told_of(photographs, tmp_path):
    source = read_keypoints(table(tmp_path, HEAD, GOOD), photographs)
    assert source.people_of("b.jpg", "b", PICTURE)[1][0].reason == "not in k.csv"


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ("image,nose_x,nose_y,nose_c,left_hpi_x", r"unknown column 'left_hpi_x'; did you mean 'left_hip_x'\?"),
        ("image,nose_x,nose_y,nose_c,colour", "unknown column 'colour'"),
        ("image,nose_x,nose_y", "there is no nose_c"),
        ("image,box_x0,nose_x,nose_y,nose_c", "all of box_x0"),
        ("nose_x,nose_y,nose_c", "expected columns image"),
        ("image,nose_x,nose_x,nose_y,nose_c", "each once"),
        ("image,person", "there are no points"),
        ("", "expected columns image"),
    ],
)
def test_a_first_line_that_is_none_is_refused(photographs, tmp_path, head, words):
    with pytest.raises(ValueError, match=words):
        read_keypoints(table(tmp_path, head, "a.jpg,1,2,1"), photographs)


def test_what_is_no_table_is_refused(photographs, tmp_path):
    with pytest.raises(ValueError, match="there are none"):
        read_keypoints(table(tmp_path, HEAD), photographs)
    with pytest.raises(ValueError, match="there is none"):
        read_keypoints(tmp_path / "gone.csv", photographs)
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00image")
    with pytest.raises(ValueError, match="could not read it"):
        read_keypoints(tmp_path / "b.csv", photographs)
