"""An .npz with objects in it (dictionaries, lists): those are pickles, so they are read by the restricted unpickler."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np

from hmr.unpickle import plain, restricted_load

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def _read_member(stream: IO[bytes]) -> Any:
    version = np.lib.format.read_magic(stream)
    if version not in _HEADERS:
        raise ValueError(f"version {version} of the .npy format is not read here")
    shape, fortran_order, dtype = _HEADERS[version](stream)
    if dtype.hasobject:
        content = plain(restricted_load(stream))
        return content.item() if isinstance(content, np.ndarray) and content.shape == () else content
    flat = np.frombuffer(stream.read(), dtype=dtype, count=int(np.prod(shape, dtype=np.int64)))
    return flat.reshape(shape[::-1]).T.copy() if fortran_order else flat.reshape(shape).copy()


def read_object_npz(path: Path) -> dict[str, Any]:
    """All members by name; a 0-d object array (as ``np.savez`` makes of a dictionary) gives the object itself.

    Raises ValueError naming the file: missing, broken, or with something in it that would run code.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            out = {}
            for name in archive.namelist():
                with archive.open(name) as stream:
                    out[name.removesuffix(".npy")] = _read_member(stream)
            return out
    except FileNotFoundError:
        raise ValueError(f"{path}: expected an .npz file, there is none") from None
    except pickle.UnpicklingError as error:
        raise ValueError(f"{path}: refused: {error}; it could run code") from None
    except (zipfile.BadZipFile, EOFError, OSError, ValueError) as error:
        raise ValueError(f"{path}: could not be read as .npz ({error}); it may be truncated") from None
