"""Videos, one frame after the other: decoded by PyAV, with one frame in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from hmr.photographs.folder import Skipped
from hmr.photographs.read import VIDEO_SUFFIXES

#: Of files that do not say how fast they are.
_USUAL_RATE = Fraction(25)


def is_video(path: Path) -> bool:
    """By its suffix; an animated GIF or WebP is a photograph here, its first frame."""
    return path.suffix.lower() in VIDEO_SUFFIXES and not path.is_dir()


def av_module() -> Any:
    """PyAV. Raises ValueError that says how to install it where it is missing."""
    try:
        import av
    except ModuleNotFoundError:
        raise ValueError('videos need PyAV: pip install "adhmr[video]"') from None
    return av


@dataclass(frozen=True)
class Frame:
    """One picture of a video.

    Attributes:
        number: counted from 0 over all frames of the file.
        time_s: seconds after the first frame.
        rgb: (h, w, 3) uint8, upright.
    """

    number: int
    time_s: float
    rgb: np.ndarray


@dataclass(frozen=True)
class Video:
    """A file with moving pictures.

    Attributes:
        path: of the file.
        frames_per_s: on average.
        count: frames as the file says; 0 where it does not.
    """

    path: Path
    frames_per_s: Fraction
    count: int

    @classmethod
    def open(cls, path: Path) -> Video:
        """Raises ValueError for what is no video, or where PyAV is missing."""
        with _opened(path) as container:
            stream = container.streams.video[0]
            rate = stream.average_rate or stream.guessed_rate or _USUAL_RATE
            return cls(path, Fraction(rate), int(stream.frames))

    def name_of(self, number: int) -> str:
        """What a frame is called, as clip-000123."""
        return f"{self.path.stem}-{number:06d}"

    def frames(self, every: int = 1) -> Iterator[Frame | Skipped]:
        """Every so many frames from the first on. A broken frame is told of in its place; with what cannot be decoded at all
        the video ends, and its rest is told of.

        Raises ValueError where not one frame can be decoded.
        """
        reader, any_frame = _Reader(self), False
        for frame in reader.frames():
            any_frame = any_frame or isinstance(frame, Frame)
            if isinstance(frame, Skipped) or frame.number % every == 0:
                yield frame
        if not any_frame:
            raise ValueError(
                f"{self.path}: expected a video, no frame of it can be decoded ({reader.broken or 'it has none'})"
            )
        if reader.broken:
            yield Skipped(f"{self.name_of(reader.number)} and later", reader.broken)


class _Reader:
    """Decodes one file once. broken: why it ended before its end, or "". number: of the next frame."""

    def __init__(self, video: Video) -> None:
        self.video = video
        self.number = 0
        self.broken = ""
        self._time_s: float | None = None
        self._start_s = 0.0
        self._size_wh: tuple[int, int] | None = None

    def frames(self) -> Iterator[Frame | Skipped]:
        with _opened(self.video.path) as container:
            for decoded in self._decoded(container):
                if decoded.is_corrupt:
                    yield Skipped(self.video.name_of(self.number), "is a broken frame")
                elif (rgb := self._upright(decoded)) is None:
                    return
                else:
                    yield Frame(self.number, self._time_of(decoded), rgb)
                self.number += 1

    def _decoded(self, container: Any) -> Iterator[Any]:
        stream = container.streams.video[0]
        promised, came = len(stream.index_entries), 0
        try:
            for packet in container.demux(stream):
                came += packet.size > 0
                yield from packet.decode()
        except av_module().FFmpegError as error:
            self.broken = f"could not be decoded ({error.strerror}); the file may be truncated"
            yield from _still_held(stream)
        if not self.broken and came < promised:
            self.broken = f"the file ends after {came} of {promised} frames"

    def _upright(self, decoded: Any) -> np.ndarray | None:
        """(h, w, 3) uint8; None where frames are of another size from here on."""
        rgb = np.ascontiguousarray(np.rot90(decoded.to_ndarray(format="rgb24"), round(decoded.rotation / 90)))
        size_wh = (rgb.shape[1], rgb.shape[0])
        if self._size_wh not in (None, size_wh):
            (w, h), (old_w, old_h) = size_wh, self._size_wh
            self.broken = f"is {w} x {h} px, the frames before are {old_w} x {old_h}; cut the video there"
            return None
        self._size_wh = size_wh
        return rgb

    def _time_of(self, decoded: Any) -> float:
        """Seconds after the first frame, which always increase; where a file does not say they follow its rate."""
        if self._time_s is None:
            self._start_s, self._time_s = decoded.time or 0.0, 0.0
            return 0.0
        said_s = -1.0 if decoded.time is None else decoded.time - self._start_s
        time_s = said_s if said_s > self._time_s else self._time_s + float(1 / self.video.frames_per_s)
        self._time_s = time_s
        return time_s


def _still_held(stream: Any) -> Iterator[Any]:
    """Frames that were decoded before an error, and wait for their turn."""
    try:
        yield from stream.codec_context.decode(None)
    except av_module().FFmpegError:
        return


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A container with a video stream. Raises ValueError that names the file."""
    av = av_module()
    if not path.is_file():
        raise ValueError(f"{path}: expected a video, there is no such file")
    try:
        container = av.open(str(path))
    except av.FFmpegError as error:
        raise ValueError(
            f"{path}: expected a video, it could not be opened ({error.strerror}); it may be truncated"
        ) from None
    with container:
        if not container.streams.video:
            raise ValueError(f"{path}: expected a video, the file has no video stream")
        yield container
