"""The columns of a pickled pandas DataFrame, without pandas and without running anything of it.

Whatever the pickle asks of pandas it gets an inert stand-in for, which keeps what it is given; the columns are then read from
what was kept. Frames of plain columns: numbers, strings, lists, arrays. Two layouts are known, of pandas before 1.3 and since.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from hmr.untrusted.unpickle import Restricted


class Inert:
    """Stands for anything of pandas, class or function: keeps its arguments and its state, does nothing."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Inert:
        del kwargs
        made = super().__new__(cls)
        made.args, made.state = args, None
        return made

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.args: tuple[Any, ...]
        self.state: Any
        del args, kwargs

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _WithoutPandas(Restricted):
    def find_class(self, module: str, name: str) -> Any:
        if module.split(".")[0] == "pandas":
            return Inert
        if (module, name) == ("builtins", "slice"):
            return slice
        return super().find_class(module, name)


def read_frame(path: Path) -> dict[str, np.ndarray]:
    """Column name to (rows,) values. Raises ValueError naming the file when it is no frame, or holds more than plain columns."""
    try:
        frame = _WithoutPandas(io.BytesIO(path.read_bytes()), encoding="latin1").load()  # pyright: ignore[reportArgumentType]
        return _columns(frame)
    except FileNotFoundError:
        raise ValueError(f"{path}: there is no such file") from None
    except Exception as error:
        raise ValueError(f"{path}: could not be read as a table of plain columns: {error}") from None


def _columns(frame: Any) -> dict[str, np.ndarray]:
    if not isinstance(frame, Inert) or not isinstance(frame.state, dict):
        raise ValueError("it is not a pickled DataFrame")
    manager = frame.state.get("_mgr", frame.state.get("_data"))
    if not isinstance(manager, Inert):
        raise ValueError("it is not a pickled DataFrame")
    if isinstance(manager.state, tuple) and len(manager.state) >= 4:  # pandas before 1.3
        kept = manager.state[3]["0.14.1"]
        axes, blocks = kept["axes"], [(b["values"], b["mgr_locs"]) for b in kept["blocks"]]
    else:
        blocks_made, axes = manager.args[:2]
        blocks = [block.args[:2] for block in blocks_made]
    names = _labels(axes[0])
    out: dict[str, np.ndarray] = {}
    for values, places in blocks:
        places = places.args[0] if isinstance(places, Inert) else places
        numbers = range(len(names))[places] if isinstance(places, slice) else [int(i) for i in np.atleast_1d(places)]
        for number, column in zip(numbers, _array(values), strict=True):
            out[names[number]] = column
    return out


def _array(values: Any) -> np.ndarray:
    """(columns, rows). Raises ValueError for pandas' own kinds of arrays."""
    if not isinstance(values, np.ndarray) or values.ndim != 2:
        raise ValueError("it has columns of a type of pandas' own; save it with plain ones")
    return values


def _labels(index: Any) -> list[str]:
    """Column names, from pandas' ``_new_Index(class, {"data": names, ...})``."""
    data = next((arg["data"] for arg in index.args if isinstance(arg, dict) and "data" in arg), None)
    if not isinstance(data, np.ndarray):
        raise ValueError("its column names are of a type of pandas' own; save it with plain ones")
    return [str(name) for name in data]
