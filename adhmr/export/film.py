"""Pictures one after the other into a video file (H.264 in .mp4), through PyAV."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np

from hmr.files import write_atomically
from hmr.photographs.video import av_module


def write_film(path: Path, pictures: Iterable[np.ndarray], frames_per_s: Fraction) -> None:
    """Pictures (h, w, 3) uint8 of one size, each taken when it is written; a side of odd length gets one pixel more.

    Raises ValueError where there is no picture, or PyAV is missing.
    """
    av = av_module()
    with write_atomically(path) as partial, av.open(str(partial), "w", options={"movflags": "faststart"}) as container:
        stream = None
        for picture in pictures:
            even = _even_sides(picture)
            if stream is None:
                stream = container.add_stream("h264", rate=frames_per_s.limit_denominator(60_000))
                stream.height, stream.width = even.shape[:2]
                stream.pix_fmt = "yuv420p"
            container.mux(stream.encode(av.VideoFrame.from_ndarray(even, format="rgb24")))
        if stream is None:
            raise ValueError(f"{path}: expected at least one picture to write")
        container.mux(stream.encode(None))


def _even_sides(picture: np.ndarray) -> np.ndarray:
    h, w = picture.shape[:2]
    return np.ascontiguousarray(np.pad(picture, ((0, h % 2), (0, w % 2), (0, 0)), mode="edge"))
