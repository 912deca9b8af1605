"""`adhmr predict clip.mp4`: who is who over time, what is written, and videos that are not what they should be."""

import csv

import numpy as np
import pygltflib
import pytest

pytest.importorskip("av")
import av
from stub_detector import Finds, found_by, walking
from videos import brighter, cut, noisy, write_video

from adhmr.cli import main
from hmr.body_codec import read_arrays
from hmr.formats.motion.bvh import read_bvh


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def rows_of(path):
    with path.open() as stream:
        return list(csv.DictReader(stream))


def predict(*arguments: object) -> int:
    return main(["predict", *map(str, arguments), "--candidates", "2"])


def test_two_people_are_followed_and_written_over_time(tmp_path, monkeypatch):
    """One walks to the right, the other stands and is not seen in a frame; the detector tells of them in any order."""
    found_by(monkeypatch, Finds(lambda i: [walking(10 + i), walking(60)][:: 1 if i % 2 else -1][: 1 if i == 3 else 2]))
    write_video(tmp_path / "clip.mp4", brighter(6, (128, 96)))
    assert predict("clip.mp4") == 0
    out = tmp_path / "clip-bodies"
    rows = rows_of(out / "predictions.csv")
    assert {(row["frame"], row["track"]) for row in rows} == {(str(f), t) for f in range(6) for t in "01"} - {
        ("3", "0")
    }
    assert {row["key"] for row in rows if row["frame"] == "5"} == {"clip-000005-00", "clip-000005-01"}
    assert [float(row["time_s"]) for row in rows][-1] == pytest.approx(0.5)
    arrays = read_arrays(out / "clip-000005.npz")
    assert list(arrays["key"]) in (["clip-000005-00", "clip-000005-01"], ["clip-000005-01", "clip-000005-00"])
    assert {path.name for path in out.glob("*.bvh")} == {"clip-00.bvh", "clip-01.bvh"}
    for track in range(2):
        motion = read_bvh(out / f"clip-0{track}.bvh")
        assert motion.frame_time_s == pytest.approx(0.1)
        assert len(motion.R_parent_joint) == 6  # the gap is filled
    scene = pygltflib.GLTF2().load(str(out / "clip.skinned.glb"))
    assert len(scene.skins) == 2
    assert len(scene.animations) == 1
    with av.open(str(out / "clip.mp4")) as film:
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert len(frames) == 6
    assert np.abs(frames[5].astype(int) - brighter(6, (128, 96))[5]).max() > 60  # somebody is drawn there


def test_every_so_many_frames_and_what_is_asked_for(tmp_path, monkeypatch):
    found_by(monkeypatch, Finds(lambda i: [walking(10)] if i else []))
    write_video(tmp_path / "clip.mp4", brighter(9, (64, 96)))
    assert predict("clip.mp4", "--every", "4", "--export", "[bvh,mp4]", "--smooth", "0.3") == 0
    out = tmp_path / "clip-bodies"
    assert {p.suffix for p in out.iterdir()} == {".bvh", ".mp4", ".csv", ".parquet", ".json"}
    assert {row["frame"] for row in rows_of(out / "predictions.csv")} == {"4", "8"}
    assert read_bvh(out / "clip-00.bvh").frame_time_s == pytest.approx(0.4)
    with av.open(str(out / "clip.mp4")) as film:
        assert float(film.streams.video[0].average_rate) == pytest.approx(2.5)
        assert len(list(film.decode(video=0))) == 3  # with the one in which nobody is


def test_a_video_that_ends_in_a_broken_frame(tmp_path, monkeypatch):
    found_by(monkeypatch, Finds(lambda i: [walking(10)]))
    cut(write_video(tmp_path / "clip.mp4", noisy(), movflags="faststart"), 0.4)
    assert predict("clip.mp4", "--export", "[npz,mp4]") == 3
    out = tmp_path / "clip-bodies"
    [row] = rows_of(out / "skipped.csv")
    done = len(list(out.glob("*.npz")))
    assert row["what"] == f"clip-{done:06d} and later"
    assert "truncated" in row["reason"]
    with av.open(str(out / "clip.mp4")) as film:
        assert len(list(film.decode(video=0))) == done > 5


def test_nobody_in_any_frame_is_said(tmp_path, monkeypatch, capsys):
    found_by(monkeypatch, Finds(lambda i: []))
    write_video(tmp_path / "clip.mp4", brighter(3))
    assert predict("clip.mp4") == 2
    assert "nobody in 3" in " ".join(capsys.readouterr().err.split())
    assert not list((tmp_path / "clip-bodies").glob("*.mp4"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--export", "[png]"], "unknown 'png'; known are npz, mp4"),
        (["--export", "[smpl]"], "give --body_model"),
        (["--every", "0"], "--every: expected at least 1"),
        (["--smooth", "0"], "--smooth: expected a window above 0"),
        (["--keypoints", "k.json"], "are of photographs"),
        (["--focal_px", "9", "--intrinsics", "[9,9,1,1]"], "one of the two"),
        (["--intrinsics", "[9,9,1]"], "fx, fy, cx, cy"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(tmp_path, capsys, arguments, words):
    write_video(tmp_path / "clip.mp4", brighter(3))
    assert predict("clip.mp4", *arguments) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert words in told
    assert "Traceback" not in told
    assert not (tmp_path / "clip-bodies").exists()


def test_what_is_no_video_and_options_of_videos_for_photographs(tmp_path, capsys):
    (tmp_path / "clip.mp4").write_bytes(b"hello")
    assert predict("clip.mp4") == 2
    assert "expected a video" in capsys.readouterr().err
    assert predict("photo.jpg", "--every", "2") == 2
    assert "are of videos" in capsys.readouterr().err


def test_the_camera_of_a_video_is_the_one_that_is_given(tmp_path, monkeypatch):
    found_by(monkeypatch, Finds(lambda i: [walking(10)]))
    write_video(tmp_path / "clip.mp4", brighter(1, (64, 96)))
    (tmp_path / "k.json").write_text('{"clip.mp4": [90, 91, 30, 40]}')
    for number, given in enumerate(("[90,91,30,40]", "k.json")):
        assert predict("clip.mp4", "--intrinsics", given, "--export", "[npz]", "--out", f"o{number}") == 0
        K = read_arrays(tmp_path / f"o{number}" / "clip-000000.npz")["K"]
        assert K.tolist() == [[90, 0, 30], [0, 91, 40], [0, 0, 1]]
