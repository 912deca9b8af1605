"""Photographs as they come: any size, EXIF rotation, grey, palette, alpha, 16 bit."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

_UNREADABLE = (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError)
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}


def list_images(path: Path) -> list[Path]:
    """The photograph, or the photographs of a folder by name. Raises ValueError when there is none."""
    if path.is_file():
        return [path]
    if not path.exists():
        raise ValueError(f"{path}: expected a photograph or a folder of them, there is none")
    found = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES)
    if not found:
        raise ValueError(f"{path}: has no photographs ({', '.join(sorted(SUFFIXES))})")
    return found


def read_photograph(path: Path) -> np.ndarray:
    """(h, w, 3) uint8, upright. Transparent parts become white. Raises ValueError that names the file."""
    try:
        with path.open("rb") as stream:
            return photograph_from(stream, str(path))
    except FileNotFoundError:
        raise ValueError(f"{path}: expected a photograph, there is none") from None


def upright_size_wh(source: Path | IO[bytes], where: str) -> tuple[int, int]:
    """Of a picture's file; from its header, without decoding it. Raises ValueError that names ``where`` it is."""
    try:
        with Image.open(source) as image:
            w, h = image.size
            return (h, w) if image.getexif().get(ExifTags.Base.Orientation, 1) in (5, 6, 7, 8) else (w, h)
    except _UNREADABLE as error:
        raise ValueError(f"{where}: could not be read as a picture ({error}); it may be truncated") from None


def photograph_from(stream: IO[bytes], where: str) -> np.ndarray:
    """The same of an open file; ``where`` is its name for people."""
    try:
        with Image.open(stream) as image:
            image.load()
            ImageOps.exif_transpose(image, in_place=True)  # its other way copies, turned or not
            upright: Image.Image = image
            if upright.mode.startswith(("I", "F")):  # 16 bit or float grey
                values = np.asarray(upright, dtype=np.float32)
                top = max(float(values.max()), 1e-6)
                upright = Image.fromarray((255 * values / top).clip(0, 255).astype(np.uint8))
            if "A" in upright.getbands() or "transparency" in upright.info:
                white = Image.new("RGBA", upright.size, "white")
                upright = Image.alpha_composite(white, upright.convert("RGBA"))
            return np.asarray(upright if upright.mode == "RGB" else upright.convert("RGB"))
    except _UNREADABLE as error:
        raise ValueError(f"{where}: could not be read as a picture ({error}); it may be truncated") from None
