"""Strange photographs, strange keypoints and strange detectors: what becomes of each is said, and the others are done."""

import csv
import json
import resource
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from stub_detector import Finds, found_by, walking

from adhmr.cli import main
from hmr.detection.weights import FILES, MOVENET


@pytest.fixture(autouse=True)
def photos(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ADHMR_WEIGHTS", str(tmp_path / "weights"))
    (tmp_path / "photos").mkdir()
    return tmp_path / "photos"


def grey(path, size=(120, 100)) -> None:
    Image.new("RGB", size, "grey").save(path)


def predict(*arguments: object) -> int:
    return main(["predict", "photos", "--candidates", "2", "--export", "[npz]", *map(str, arguments)])


def told(tmp_path, name="skipped") -> dict[str, str]:
    with (tmp_path / "photos-bodies" / f"{name}.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    return {row["what"]: row["reason"] for row in rows} if name == "skipped" else {row["key"]: "" for row in rows}


def test_a_photograph_without_people_is_listed(tmp_path, photos, monkeypatch):
    for name in ("a.jpg", "b.jpg"):
        grey(photos / name)
    found_by(monkeypatch, Finds(lambda i: [walking(20)] if i else []))
    assert predict() == 3
    assert told(tmp_path) == {"a.jpg": "the detector found nobody"}
    assert set(told(tmp_path, "predictions")) == {"b-00"}


def test_nobody_in_any_photograph_is_an_error_without_a_traceback(tmp_path, photos, monkeypatch, capsys):
    grey(photos / "a.jpg")
    found_by(monkeypatch, Finds(lambda i: []))
    assert predict() == 2
    assert "nothing could be predicted" in capsys.readouterr().err
    assert told(tmp_path) == {"a.jpg": "the detector found nobody"}


def test_what_is_found_of_another_picture_is_listed(tmp_path, photos, monkeypatch):
    grey(photos / "a.jpg")
    masked = replace(walking(20), mask=np.zeros((50, 60), np.float32))
    found_by(monkeypatch, Finds(lambda i: [walking(900), masked, walking(30)]))
    assert predict() == 3
    reasons = told(tmp_path)
    assert "outside the 120 x 100 picture" in reasons["a.jpg detected person 0"]
    assert "its mask is 60 x 50 px, the picture 120 x 100" in reasons["a.jpg detected person 1"]
    assert set(told(tmp_path, "predictions")) == {"a-00"}


def test_kinds_of_pictures(tmp_path, photos, monkeypatch):
    Image.fromarray(np.full((100, 120), 30000, np.uint16)).save(photos / "sixteen.png")
    Image.new("CMYK", (120, 100)).save(photos / "inks.jpg")
    frames = [Image.new("RGB", (120, 100), colour) for colour in ("grey", "blue")]
    for name in ("moving.gif", "moving.webp"):
        frames[0].save(photos / name, save_all=True, append_images=frames[1:])
    Image.new("RGB", (1, 1)).save(photos / "dot.png")
    (photos / "clip.mp4").write_bytes(b"")
    found_by(monkeypatch, Finds(lambda i: [walking(20)]))
    assert predict() == 3
    reasons = told(tmp_path)
    assert set(reasons) == {"dot.png", "clip.mp4"}
    assert "1 x 1 px" in reasons["dot.png"]
    assert "adhmr predict" in reasons["clip.mp4"]
    done = {"sixteen-00", "inks-00", "moving_gif-00", "moving_webp-00"}
    assert set(told(tmp_path, "predictions")) == done


def test_fifty_megapixels(tmp_path, photos, monkeypatch):
    Image.new("L", (8660, 5774), 90).save(photos / "large.png", compress_level=1)
    found_by(monkeypatch, Finds(lambda i: [walking(4000, 3000)]))
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert predict("--export", "[npz,png]") == 0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 1.5e6


def test_strange_keypoints_of_coco(tmp_path, photos):
    """A photograph each; the last one is as it should be."""
    marks = np.array([(40 + 3 * i, 20 + 4 * i, 2) for i in range(17)], dtype=float)
    far, none, one = marks + np.array([900, 900, 0]), marks * np.array([1, 1, 0]), marks * np.eye(17)[:, :1]
    nan = marks.copy()
    nan[3:9] = np.nan
    given = {
        "far": (far, [910, 910, 80, 80]), "outside": (far, [10, 10, 90, 80]), "set": (marks[:15], [10, 10, 90, 80]),
        "none": (none, None), "one": (one, None), "nan": (nan, None), "size": (marks, None), "good": (marks, None),
    }  # fmt: skip
    images, notes = [], []
    for i, (name, (points, box)) in enumerate(given.items()):
        grey(photos / f"{name}.jpg")
        images.append({"id": i, "file_name": f"{name}.jpg", "width": 640 if name == "size" else 120, "height": 100})
        notes.append({"id": i, "image_id": i, "keypoints": points.reshape(-1).tolist(), "bbox": box})
    (tmp_path / "k.json").write_text(json.dumps({"images": images, "annotations": notes}))
    assert predict("--keypoints", "k.json") == 3
    reasons = {what.split(".")[0]: reason for what, reason in told(tmp_path).items()}
    words = {
        "far": "outside the 120 x 100 picture", "outside": "none of its keypoints is in the 120 x 100 picture",
        "set": "no known set has 15 keypoints", "none": "two are needed", "one": "1 of its keypoints are marked",
        "size": "boxes are of another picture",
    }  # fmt: skip
    assert set(reasons) == set(words)
    for name, said in words.items():
        assert said in reasons[name]
    assert set(told(tmp_path, "predictions")) == {"nan-00", "good-00"}  # points that are no numbers say nothing


def test_a_table_of_keypoints(tmp_path, photos):
    for name in ("a.jpg", "b.jpg"):
        grey(photos / name)
    points = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")
    head = "image," + ",".join(f"{point}_{e}" for point in points for e in "xyc")
    good = "a.jpg,70,30,1,50,30,1,65,60,1,55,60,1"
    (tmp_path / "k.csv").write_text("\n".join([head, good, good.replace("a.jpg", "gone.jpg")]) + "\n")
    assert predict("--keypoints", "k.csv") == 3
    assert told(tmp_path)["b.jpg"] == "not in k.csv"
    assert "no photograph 'gone.jpg'" in told(tmp_path)["k.csv line 3"]
    (tmp_path / "k.csv").write_text("image,nose_x\n")
    assert predict("--keypoints", "k.csv", "--out", "o") == 2


def test_weights_that_are_missing_or_of_another_version(tmp_path, photos, capsys):
    grey(photos / "a.jpg")
    assert predict("--detector", "own", "--offline", "true") == 2
    assert "adhmr weights fetch" in " ".join(capsys.readouterr().err.split())
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / MOVENET[0]).write_bytes(b"another version")
    assert predict("--offline", "true") == 2
    said = " ".join(capsys.readouterr().err.split())
    assert FILES[MOVENET[0]].sha256 in said
    assert "another version: delete it" in said
    assert not (tmp_path / "photos-bodies").exists()
