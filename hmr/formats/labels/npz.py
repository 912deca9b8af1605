"""Files .npz, a member at a time, so that what is not changed is copied as it lies there."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hmr.files import write_atomically
from hmr.untrusted.object_npz import content_of, read_npy, refused_by_name


def member_names(path: Path) -> list[str]:
    with refused_by_name(path), zipfile.ZipFile(path) as archive:
        return [name.removesuffix(".npy") for name in archive.namelist()]


def read_member(path: Path, name: str) -> Any:
    """One member. Raises ValueError naming the file."""
    with refused_by_name(path), zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as stream:
        return content_of(read_npy(stream))


def shape_of(path: Path, name: str) -> tuple[int, ...]:
    """Of a member, without reading it."""
    with refused_by_name(path), zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as stream:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        return read(stream)[0]


def rewrite_npz(path: Path, out: Path, changes: dict[str, Callable[[np.ndarray], np.ndarray]]) -> None:
    """``path`` with the members of ``changes`` replaced by what the functions make of them, all others byte for byte.

    Order, compression and memory layout stay. Raises ValueError naming the file.
    """
    with (
        write_atomically(out) as partial,
        refused_by_name(path),
        zipfile.ZipFile(path) as source,
        zipfile.ZipFile(partial, "w") as target,
    ):
        for info in source.infolist():
            copy = zipfile.ZipInfo(info.filename, info.date_time)
            copy.compress_type, copy.external_attr = info.compress_type, info.external_attr
            change = changes.get(info.filename.removesuffix(".npy"))
            with source.open(info) as stream, target.open(copy, "w", force_zip64=True) as written:
                if change is None:
                    shutil.copyfileobj(stream, written)
                else:
                    array = change(read_npy(stream))
                    # Written, not read: HumanData's dictionaries are object arrays; only harmless types came through read_npy.
                    np.lib.format.write_array(written, array, allow_pickle=array.dtype.hasobject)


def rows_of(array: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """The rows that are kept, in the layout that the array has."""
    taken = array[keep]
    return np.asfortranarray(taken) if array.flags.f_contiguous and not array.flags.c_contiguous else taken


def with_rows(array: np.ndarray, rows: np.ndarray, values: np.ndarray, count: int, name: str) -> np.ndarray:
    """``array`` (count, ...) whose ``rows`` (m,) begin with ``values`` (m, k); type and layout stay.

    Raises ValueError when it has not ``count`` rows of at least k numbers.
    """
    flat = array.reshape(len(array), -1).copy() if array.ndim > 1 else array[:, None].copy()
    if len(flat) != count or flat.shape[1] < values.shape[1]:
        raise ValueError(f"{name}: expected {count} rows of {values.shape[1]} numbers, it is {array.shape}")
    flat[rows, : values.shape[1]] = values
    out = flat.reshape(array.shape)
    return np.asfortranarray(out) if array.flags.f_contiguous and not array.flags.c_contiguous else out


def boxed(content: Any) -> np.ndarray:
    """An object as ``np.savez`` stores it."""
    box = np.empty((), dtype=object)
    box[()] = content
    return box
