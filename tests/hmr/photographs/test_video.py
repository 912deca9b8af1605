"""Videos are read frame by frame, and what is broken in them is told of."""

import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("av")
from videos import brighter, cut, noisy, write_video

from hmr.photographs.folder import Skipped
from hmr.photographs.video import Frame, Video, is_video


def test_frames_have_numbers_and_times(tmp_path):
    video = Video.open(write_video(tmp_path / "clip.mp4", brighter()))
    assert (video.count, float(video.frames_per_s)) == (12, 10)
    frames = list(video.frames())
    assert [frame.number for frame in frames] == list(range(12))
    np.testing.assert_allclose([frame.time_s for frame in frames], np.arange(12) / 10, atol=1e-3)
    assert [abs(int(frame.rgb[20, 50, 0]) - 20 * frame.number) < 4 for frame in frames] == [True] * 12
    assert [frame.number for frame in video.frames(every=5)] == [0, 5, 10]
    assert video.name_of(123) == "clip-000123"


def test_what_a_phone_turned_is_upright(tmp_path):
    import av

    write_video(tmp_path / "lying.mp4", brighter())
    with av.open(str(tmp_path / "lying.mp4")) as given, av.open(str(tmp_path / "clip.mp4"), "w") as made:
        stream = made.add_stream_from_template(given.streams.video[0])
        stream.set_display_rotation(90)
        for packet in given.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                made.mux(packet)
    frame = list(Video.open(tmp_path / "clip.mp4").frames())[9]
    assert frame.rgb.shape == (64, 48, 3)
    dark, light = frame.rgb[48, 20, 0], frame.rgb[16, 20, 0]  # anticlockwise: the left half is below
    assert dark < 20 < light


def broken(video: Video) -> tuple[list[Frame], list[Skipped]]:
    found = list(video.frames())
    return [f for f in found if isinstance(f, Frame)], [s for s in found if isinstance(s, Skipped)]


def test_a_broken_end_is_told_of_and_what_is_before_it_is_read(tmp_path):
    path = cut(write_video(tmp_path / "clip.mp4", noisy(), movflags="faststart"), 0.7)
    frames, [skipped] = broken(Video.open(path))
    assert 20 < len(frames) < 40
    assert skipped.what == f"clip-{len(frames):06d} and later"
    assert "truncated" in skipped.reason


def test_a_broken_frame_is_skipped_by_itself(tmp_path):
    path = cut(write_video(tmp_path / "clip.avi", noisy(), codec="mpeg4"), 0.7)
    frames, skipped = broken(Video.open(path))
    assert len(frames) > 20
    assert [s.reason for s in skipped] == ["is a broken frame"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("clip.mp4", b"", "could not be opened"),
        ("clip.mp4", b"hello", "could not be opened"),
        ("gone.mp4", None, "there is no such file"),
    ],
)
def test_what_is_no_video_is_refused_by_name(tmp_path, name, content, words):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"{name}: expected a video, .*{words}"):
        Video.open(tmp_path / name)


def test_sound_alone_and_no_frame_at_all_are_refused(tmp_path):
    import av

    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), format="s16", layout="mono")
        frame.rate = 8000
        container.mux(stream.encode(frame))
    with pytest.raises(ValueError, match="no video stream"):
        Video.open(tmp_path / "a.mkv")
    path = write_video(tmp_path / "clip.mp4", noisy(), movflags="faststart")
    content = bytearray(path.read_bytes())
    start = content.index(b"mdat")
    content[start + 4 :] = bytes(len(content) - start - 4)
    path.write_bytes(content)
    with pytest.raises(ValueError, match="no frame of it can be decoded"):
        list(Video.open(path).frames())


def test_memory_does_not_grow_with_the_number_of_frames(tmp_path):
    def most_bytes(count: int) -> int:
        video = Video.open(write_video(tmp_path / "clip.mp4", [np.zeros((480, 640, 3), np.uint8)] * count))
        tracemalloc.start()
        for _ in video.frames():
            pass
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert most_bytes(60) < 1.5 * most_bytes(6)


def test_without_pyav_it_is_said(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ValueError, match=r'pip install "adhmr\[video\]"'):
        Video.open(tmp_path / "clip.mp4")


def test_moving_pictures_of_photographs_are_photographs(tmp_path):
    (tmp_path / "folder.mp4").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "a.gif")
    assert [is_video(tmp_path / n) for n in ("a.gif", "folder.mp4", "a.MP4")] == [False, False, True]
    assert not is_video(Path("a.webp"))
