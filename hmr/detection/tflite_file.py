"""What a .tflite file holds: tensors, and the steps between them. Field numbers are those of TensorFlow Lite's schema."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hmr.detection.flatbuffer import Table
from hmr.detection.named_errors import errors_named

#: TensorFlow Lite's codes of the kinds of steps that are known here.
KINDS = {
    0: "ADD", 3: "CONV_2D", 4: "DEPTHWISE_CONV_2D", 6: "DEQUANTIZE", 14: "LOGISTIC", 17: "MAX_POOL_2D", 22: "RESHAPE",
    23: "RESIZE_BILINEAR", 34: "PAD",
}  # fmt: skip
_DTYPES: dict[int, type[np.generic]] = {0: np.float32, 1: np.float16, 2: np.int32}
_IDENTIFIER = b"TFL3"


@dataclass(frozen=True, eq=False)
class TfliteTensor:
    """Of the graph.

    Attributes:
        shape: batch first, channels last, as the file has it.
        value: numbers that the file gives (weights); None for what is computed.
    """

    name: str
    shape: tuple[int, ...]
    value: np.ndarray | None


@dataclass(frozen=True, eq=False)
class TfliteStep:
    """One operator: its kind, the numbers of the tensors that it takes and makes, and its settings' table."""

    kind: str
    takes: tuple[int, ...]
    makes: int
    settings: Table | None

    def setting(self, number: int, kind: str, default: int = 0) -> int:
        return default if self.settings is None else self.settings.integer(number, kind, default)


@dataclass(frozen=True, eq=False)
class TfliteFile:
    """Tensors by number, steps in order, numbers of the graph's inputs and outputs."""

    tensors: tuple[TfliteTensor, ...]
    steps: tuple[TfliteStep, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def read_tflite(path: Path) -> TfliteFile:
    """Raises ValueError that names the file for anything else, and for steps that are not known here."""
    with errors_named(path, "a TensorFlow Lite file"):
        return _parsed(path.read_bytes())


def _parsed(data: bytes) -> TfliteFile:
    if data[4:8] != _IDENTIFIER:
        raise ValueError(f"its bytes 4 to 8 are {data[4:8]!r}, not {_IDENTIFIER!r}")
    model = Table.root(data)
    # Old writers fill field 0 alone, newer ones field 3 too; the larger is the code.
    codes = [max(code.integer(0, "b"), code.integer(3, "i")) for code in model.tables(1)]
    graph, buffers = model.tables(2)[0], model.tables(4)
    tensors = tuple(_tensor(table, buffers) for table in graph.tables(0))
    steps = tuple(_step(table, codes, len(tensors)) for table in graph.tables(3))
    inputs, outputs = (_numbers(graph, field, len(tensors)) for field in (1, 2))
    if len(inputs) != 1 or not outputs or len(tensors[inputs[0]].shape) != 4:
        raise ValueError(f"expected one picture in and something out, it has {len(inputs)} in and {len(outputs)} out")
    return TfliteFile(tensors, steps, inputs, outputs)


def _tensor(table: Table, buffers: list[Table]) -> TfliteTensor:
    shape, code = tuple(int(n) for n in table.array(0, np.int32)), table.integer(1, "b")
    if table.table(6) is not None:
        raise ValueError("it has sparse weights")
    raw = buffers[table.integer(2, "I")].array(0, np.uint8)
    if not raw.size:
        return TfliteTensor(table.text(3), shape, None)
    if code not in _DTYPES:
        raise ValueError(f"it has weights of type {code}; float32, float16 and int32 are known")
    value = np.frombuffer(raw, _DTYPES[code]).reshape(shape)
    return TfliteTensor(table.text(3), shape, value)


def _step(table: Table, codes: list[int], count: int) -> TfliteStep:
    code = codes[table.integer(0, "I")]
    if code not in KINDS:
        raise ValueError(f"operator {code} is not known here; known are {', '.join(KINDS.values())}")
    takes, makes = (_numbers(table, field, count) for field in (1, 2))
    if len(makes) != 1 or not takes:
        raise ValueError(f"a {KINDS[code]} takes {len(takes)} and makes {len(makes)} tensors")
    return TfliteStep(KINDS[code], takes, makes[0], table.table(4))


def _numbers(table: Table, field: int, count: int) -> tuple[int, ...]:
    """Tensors' numbers, all of them in the file."""
    numbers = tuple(int(n) for n in table.array(field, np.int32))
    if not all(0 <= n < count for n in numbers):
        raise ValueError(f"tensors {numbers} are asked for, there are {count}")
    return numbers
