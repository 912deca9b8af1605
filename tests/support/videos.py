"""Small videos for tests."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def write_video(path: Path, pictures: list[np.ndarray], rate: int = 10, codec: str = "h264", **options: str) -> Path:
    """Pictures (h, w, 3) uint8 with even sides. options: of the container, as movflags."""
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=Fraction(rate))
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def brighter(count: int = 12, size_wh: tuple[int, int] = (64, 48)) -> list[np.ndarray]:
    """Frame i is grey of 20 i, with a black half on its left."""
    pictures = [np.full((size_wh[1], size_wh[0], 3), 20 * i, np.uint8) for i in range(count)]
    for picture in pictures:
        picture[:, : size_wh[0] // 2] = 0
    return pictures


def noisy(count: int = 40) -> list[np.ndarray]:
    """Frames that do not compress, so that bytes of the file are even over time."""
    rng = np.random.default_rng(0)
    return [rng.integers(255, size=(48, 64, 3), dtype=np.uint8) for _ in range(count)]


def cut(path: Path, share: float) -> Path:
    """The file without its end."""
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    return path
