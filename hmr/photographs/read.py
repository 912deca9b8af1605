"""Photographs as they come: any size, EXIF rotation, grey, palette, alpha, 16 bit, CMYK, animated (the first frame)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

_UNREADABLE = (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError, ValueError)
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".avif"}
VIDEO_SUFFIXES = {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".mts", ".m2ts", ".wmv", ".3gp"}
#: Pictures that are not read here; in a folder they are listed, so that nobody misses them.
OTHER_SUFFIXES = {".heic", ".heif", ".jxl", ".raw", ".dng", ".cr2", ".nef", ".arw", ".psd", ".svg"}


@contextmanager
def _named(where: str) -> Iterator[None]:
    """What goes wrong with a picture becomes a ValueError that names it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of large pictures and strange EXIF; what is really wrong is an error
            yield
    except FileNotFoundError:
        raise ValueError(f"{where}: expected a photograph, there is none") from None
    except IsADirectoryError:
        raise ValueError(f"{where}: expected a photograph, this is a folder") from None
    except PermissionError:
        raise ValueError(f"{where}: may not be read (permission denied)") from None
    except Image.DecompressionBombError as error:
        raise ValueError(f"{where}: is too large to be read ({error})") from None
    except _UNREADABLE as error:
        raise ValueError(f"{where}: could not be read as a picture ({error}); it may be truncated") from None


def read_photograph(path: Path) -> np.ndarray:
    """(h, w, 3) uint8, upright. Transparent parts become white. Raises ValueError that names the file."""
    with _named(str(path)), path.open("rb") as stream:
        return _decoded(stream)


def photograph_from(stream: IO[bytes], where: str) -> np.ndarray:
    """The same of an open file; ``where`` is its name for people."""
    with _named(where):
        return _decoded(stream)


def upright_size_wh(source: Path | IO[bytes], where: str) -> tuple[int, int]:
    """Of a picture's file; from its header, without decoding it. Raises ValueError that names ``where`` it is."""
    with _named(where), Image.open(source) as image:
        w, h = image.size
        return (h, w) if image.getexif().get(ExifTags.Base.Orientation, 1) in (5, 6, 7, 8) else (w, h)


#: Diagonal of 35 mm film, to which EXIF's equivalent focal length refers.
_FILM_DIAGONAL_MM = 43.27


def exif_focal_px(path: Path) -> float | None:
    """Focal length in pixels from EXIF's 35 mm equivalent; None where the file does not say. Raises ValueError that names it."""
    with _named(str(path)), Image.open(path) as image:
        said = image.getexif().get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.FocalLengthIn35mmFilm)
        try:
            focal_mm = float(said) if said else 0.0
        except (TypeError, ValueError):
            return None
        diagonal = float(np.hypot(*image.size))
        return focal_mm / _FILM_DIAGONAL_MM * diagonal if 5 <= focal_mm <= 2000 else None


def _decoded(stream: IO[bytes]) -> np.ndarray:
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
