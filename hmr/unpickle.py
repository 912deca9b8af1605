"""Read the pickles of body model files without running any code from them."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import IO, Any

import numpy as np
import scipy.sparse

_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("builtins", "set"): set,
    ("builtins", "bytearray"): bytearray,
    ("_codecs", "encode"): None,
    ("scipy.sparse.csc", "csc_matrix"): scipy.sparse.csc_matrix,
    ("scipy.sparse._csc", "csc_matrix"): scipy.sparse.csc_matrix,
    ("scipy.sparse.csr", "csr_matrix"): scipy.sparse.csr_matrix,
    ("scipy.sparse._csr", "csr_matrix"): scipy.sparse.csr_matrix,
}
_RECONSTRUCT = {("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct")}
_SCALAR = {("numpy.core.multiarray", "scalar"), ("numpy._core.multiarray", "scalar")}
_CHUMPY = {("chumpy.ch", "Ch"), ("chumpy", "Ch"), ("chumpy.ch", "Select"), ("chumpy.reordering", "Select")}


class _InertArray:
    """Stands for a chumpy array of the original SMPL files: keeps its state, does nothing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        del args, kwargs
        self.state: dict[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        self.state = state if isinstance(state, dict) else {}

    def value(self) -> np.ndarray:
        if "x" in self.state:
            return np.asarray(self.state["x"])
        if "a" in self.state and "idxs" in self.state:
            inner = plain(self.state["a"])
            picked = np.asarray(inner).ravel()[np.asarray(self.state["idxs"])]
            shape = self.state.get("preferred_shape")
            return picked.reshape(shape) if shape is not None else picked
        raise ValueError("holds a chumpy array that is not understood; convert the file with the model's own tools")


def _encode(text: str, encoding: str = "latin1") -> bytes:
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"encoding {encoding} is not allowed")
    return text.encode("latin1")


class Restricted(pickle.Unpickler):
    """Knows arrays and plain values."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _RECONSTRUCT:
            return np.ndarray.__reduce__(np.zeros(1))[0]  # pyright: ignore[reportIndexIssue]
        if (module, name) in _SCALAR:
            return np.float64(0).__reduce__()[0]  # pyright: ignore[reportIndexIssue]
        if (module, name) in _CHUMPY:
            return _InertArray
        if (module, name) == ("_codecs", "encode"):
            return _encode
        if (module, name) in _ALLOWED:
            return _ALLOWED[(module, name)]
        raise pickle.UnpicklingError(f"wants {module}.{name}, which is not on the list of harmless types")


def plain(value: Any) -> Any:
    """Arrays out of inert stand-ins and sparse matrices."""
    if isinstance(value, _InertArray):
        return value.value()
    if scipy.sparse.issparse(value):
        return value.toarray()
    return value


def restricted_load(stream: IO[bytes]) -> Any:
    """One pickled object of arrays and plain values. Raises pickle.UnpicklingError for anything that would run code."""
    return Restricted(stream, encoding="latin1").load()  # pyright: ignore[reportArgumentType]


def read_pickle(path: Path) -> dict[str, Any]:
    """A dictionary of arrays and plain values from a .pkl. Nothing in the file is executed.

    Raises ValueError naming the file when it holds anything but arrays and plain values.
    """
    try:
        content = restricted_load(io.BytesIO(path.read_bytes()))
    except FileNotFoundError:
        raise ValueError(f"{path}: there is no such file") from None
    except Exception as error:
        raise ValueError(f"{path}: refused to unpickle: {error}") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected a dictionary of arrays, got {type(content).__name__}")
    return {str(key): plain(value) for key, value in content.items()}
