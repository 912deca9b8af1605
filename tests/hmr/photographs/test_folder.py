"""Photographs by name: one answer for whoever asks, whatever is in the folder."""

import os

import numpy as np
import pytest
from PIL import Image

from hmr.photographs.folder import Photographs, output_names


def picture(path, size=(12, 10)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, "gray").save(path)
    return path


@pytest.mark.parametrize(
    "name",
    [
        "b/one.jpg",
        "/data/train/b/one.jpg",
        "../demo/images/b/one.jpg",
        "x/../../b/one.jpg",
        "C:\\images\\b\\one.jpg",
        "b/one.png",
    ],
)
def test_the_longest_end_of_a_name_that_is_there_is_it(tmp_path, name):
    picture(tmp_path / "a" / "one.jpg")
    picture(tmp_path / "b" / "one.jpg")
    assert Photographs(tmp_path).named(name) == "b/one.jpg"


def test_nothing_outside_the_folder_is_found(tmp_path):
    picture(tmp_path / "secret.jpg")
    picture(tmp_path / "images" / "other.jpg")
    for name in ("../secret.jpg", "..", "a\0b.jpg", "x" * 5000 + ".jpg"):
        with pytest.raises(ValueError, match="no photograph"):
            Photographs(tmp_path / "images").named(name)


def test_two_that_are_as_good_are_told(tmp_path):
    picture(tmp_path / "a" / "one.jpg")
    picture(tmp_path / "b" / "one.jpg")
    with pytest.raises(ValueError, match="2 photographs could be 'one'"):
        Photographs(tmp_path).named("c/one.png")


def test_a_folder_that_looks_like_a_photograph_a_loop_and_other_kinds(tmp_path):
    picture(tmp_path / "good.jpg")
    (tmp_path / "folder.jpg").mkdir()
    os.symlink(tmp_path / "loop.jpg", tmp_path / "loop.jpg")
    os.symlink(tmp_path, tmp_path / "again")
    picture(tmp_path / "UPPER.JPG")
    Image.new("RGB", (9, 9)).save(tmp_path / "moving.gif")
    Image.new("RGB", (9, 9)).save(tmp_path / "new.avif")
    (tmp_path / "phone.heic").write_bytes(b"x")
    photographs = Photographs(tmp_path)
    assert photographs.names == ["UPPER.JPG", "folder.jpg", "good.jpg", "loop.jpg", "moving.gif", "new.avif"]
    assert [s.what for s in photographs.not_read] == ["phone.heic"]
    for name, words in (("folder.jpg", "is a folder"), ("loop.jpg", "could not be read")):
        with pytest.raises(ValueError, match=words):
            photographs.read(name)
    for name in ("good.jpg", "moving.gif", "new.avif"):
        assert photographs.read(name).ndim == 3


def test_one_photograph_is_a_folder_of_one(tmp_path):
    picture(tmp_path / "a.jpg")
    picture(tmp_path / "b.jpg")
    one = Photographs.at(tmp_path / "a.jpg")
    assert one.names == ["a.jpg"]
    assert one.named("images/a.jpg") == "a.jpg"
    with pytest.raises(ValueError, match="no photograph"):
        one.named("b.jpg")
    with pytest.raises(ValueError, match="there is none"):
        Photographs.at(tmp_path / "c.jpg")


def test_no_two_photographs_share_an_output():
    names = ["same.jpg", "same.png", "same_jpg.png", "a/same.jpg", "b.jpg"]
    out = output_names(names)
    assert out["b.jpg"] == "b"
    assert out["a/same.jpg"] == "a/same"
    assert len(set(out.values())) == len(names)


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P", "CMYK", "1", "I;16", "F", "LA"])
def test_every_kind_of_picture_is_read_as_rgb(tmp_path, mode):
    grey = np.linspace(0, 255, 12 * 10).reshape(10, 12)
    if mode == "I;16":
        image = Image.fromarray((grey * 100).astype(np.uint16))
    elif mode == "F":
        image = Image.fromarray(grey.astype(np.float32))
    else:
        image = Image.fromarray(grey.astype(np.uint8)).convert("RGB").convert("L" if mode == "LA" else mode)
        image = image.convert("LA") if mode == "LA" else image
    image.save(tmp_path / "p.tif")
    read = Photographs(tmp_path).read("p.tif")
    assert read.shape == (10, 12, 3)
    assert read.dtype == np.uint8
    assert read.max() > 100
