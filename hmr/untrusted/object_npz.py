"""An .npz with objects in it (dictionaries, lists): those are pickles, so they are read by the restricted unpickler."""

from __future__ import annotations

import contextlib
import errno
import pickle
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from hmr.untrusted.unpickle import plain, restricted_load

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def read_npy(stream: IO[bytes]) -> np.ndarray:
    """One array of the .npy format, in the memory order that it was written in; objects by the restricted unpickler.

    Raises ValueError for other versions, pickle.UnpicklingError for what would run code.
    """
    version = np.lib.format.read_magic(stream)
    if version not in _HEADERS:
        raise ValueError(f"version {version} of the .npy format is not read here")
    shape, fortran_order, dtype = _HEADERS[version](stream)
    if dtype.hasobject:
        content = restricted_load(stream)
        if not isinstance(content, np.ndarray):
            raise ValueError(f"expected an array of objects, got {type(content).__name__}")
        return content
    flat = np.frombuffer(stream.read(), dtype=dtype, count=int(np.prod(shape, dtype=np.int64)))
    return flat.reshape(shape[::-1]).T.copy(order="K") if fortran_order else flat.reshape(shape).copy()


def content_of(array: np.ndarray) -> Any:
    """The array, or the object itself where ``np.savez`` was given a dictionary, a string or a number."""
    return plain(array.item()) if array.dtype.hasobject and array.shape == () else array


@contextlib.contextmanager
def refused_by_name(path: Path) -> Iterator[None]:
    """What goes wrong with an .npz becomes a ValueError that names it."""
    try:
        yield
    except FileNotFoundError:
        raise ValueError(f"{path}: expected an .npz file, there is none") from None
    except pickle.UnpicklingError as error:
        hint = "; save tensors as arrays (tensor.numpy())" if "torch" in str(error) else ""
        raise ValueError(f"{path}: refused: {error}; it could run code{hint}") from None
    except Exception as error:  # a damaged file breaks zip, zlib, numpy or pickle, each in its own way
        if getattr(error, "errno", None) == errno.ENOSPC or isinstance(error, MemoryError):
            raise
        raise ValueError(f"{path}: could not be read as .npz ({error}); it may be truncated") from None


def read_object_npz(path: Path) -> dict[str, Any]:
    """All members by name; a 0-d object array (as ``np.savez`` makes of a dictionary) gives the object itself.

    Raises ValueError naming the file: missing, broken, or with something in it that would run code.
    """
    if path.suffix.lower() == ".npy":
        raise ValueError(f"{path}: a .npy is one array without a name; expected an .npz with named arrays")
    with refused_by_name(path), zipfile.ZipFile(path) as archive:
        out = {}
        for name in archive.namelist():
            with archive.open(name) as stream:
                out[name.removesuffix(".npy")] = content_of(read_npy(stream))
        return out
