"""Read the pickles of body model files without running any code from them."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import IO, Any, ClassVar, cast

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
_FROM_BUFFER = {("numpy.core.numeric", "_frombuffer"), ("numpy._core.numeric", "_frombuffer")}
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


def _no_bytes() -> bytes:
    """How empty arrays lie in pickles of protocol 2."""
    return b""


def _from_buffer(buffer: Any, dtype: Any, shape: Any, order: Any) -> np.ndarray:
    """How arrays lie in pickles of protocol 5; numpy refuses pointers here."""
    return np.frombuffer(buffer, dtype=dtype).reshape(shape, order=order).copy(order=order)


def _check_dtype(spec: Any) -> None:
    """Raises pickle.UnpicklingError for records: their fields may hide pointers, and no file of ours needs them."""
    if not isinstance(spec, str) or np.dtype(spec).kind == "V":
        raise pickle.UnpicklingError(f"wants an array of type {spec!r}, which is not on the list of harmless types")


def _check_dtype_state(dtype: np.dtype, state: Any) -> None:
    """(version, byte order, subtype, names, fields, size, alignment, flags, …), where flags say that items are pointers."""
    _, _, _, _, _, own_size, own_alignment, own_flags, *_ = cast(tuple, dtype.__reduce__())[2]
    _, _, subtype, names, fields, size, alignment, flags, *_ = (
        [*state, *[None] * 8] if isinstance(state, tuple) else [()] * 8
    )
    sizes = range(1 << 24) if dtype.kind in "SU" else (-1, own_size)
    plain_type = subtype is names is fields is None and flags == own_flags
    if not (plain_type and size in sizes and alignment in (-1, 1, own_alignment)):
        raise pickle.UnpicklingError("describes a type of array that is not on the list of harmless types")


_InPython: Any = pickle._Unpickler  # pyright: ignore[reportAttributeAccessIssue]


class Restricted(_InPython):
    """Knows arrays and plain values.

    Python's own unpickler and not C's, since what an array is told about itself has to be looked at before numpy believes it.
    """

    def load_build(self) -> None:
        state, instance = self.stack[-1], self.stack[-2]
        if callable(instance):
            raise pickle.UnpicklingError("changes a class or function, which is not harmless")
        if isinstance(instance, np.dtype):
            _check_dtype_state(instance, state)
        super().load_build()

    def load_reduce(self) -> None:
        function, arguments = self.stack[-2], self.stack[-1]
        self._refuse_raw_memory(function)
        if function is np.dtype:
            _check_dtype(arguments[0] if arguments else None)
        super().load_reduce()

    def load_newobj(self) -> None:
        self._refuse_raw_memory(self.stack[-2], np.dtype)
        super().load_newobj()

    def load_newobj_ex(self) -> None:
        self._refuse_raw_memory(self.stack[-3], np.dtype)
        super().load_newobj_ex()

    def _instantiate(self, klass: Any, args: Any) -> None:
        self._refuse_raw_memory(klass, np.dtype)
        super()._instantiate(klass, args)

    def _refuse_raw_memory(self, made: Any, *others: Any) -> None:
        if any(made is refused for refused in (np.ndarray, *others)):
            raise pickle.UnpicklingError("makes an array of raw memory, which is not harmless")

    dispatch: ClassVar[dict[int, Any]] = {
        **_InPython.dispatch,
        pickle.BUILD[0]: load_build,
        pickle.REDUCE[0]: load_reduce,
        pickle.NEWOBJ[0]: load_newobj,
        pickle.NEWOBJ_EX[0]: load_newobj_ex,
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _RECONSTRUCT:
            return np.ndarray.__reduce__(np.zeros(1))[0]  # pyright: ignore[reportIndexIssue]
        if (module, name) in _FROM_BUFFER:
            return _from_buffer
        if (module, name) in (("__builtin__", "bytes"), ("builtins", "bytes")):
            return _no_bytes
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
        value.check_format(full_check=True)  # or indices could point anywhere
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
