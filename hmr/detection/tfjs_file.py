"""What a TensorFlow.js graph model holds: a json of named nodes, and files of weights beside it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from hmr.detection.named_errors import errors_named

_KIND = "a TensorFlow.js graph model"
_DTYPES: dict[str, type[np.generic]] = {
    "float32": np.float32, "int32": np.int32, "bool": np.bool_, "float16": np.float16, "uint8": np.uint8,
    "uint16": np.uint16,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class TfjsNode:
    """One step.

    Attributes:
        op: TensorFlow's name of what it does.
        takes: names of what it takes; ``name:1`` is the second thing that ``name`` makes.
        settings: TensorFlow's attributes, as the json has them.
    """

    name: str
    op: str
    takes: tuple[str, ...]
    settings: Mapping[str, Any]

    def integer(self, name: str) -> int:
        """0 where it is not said. JSON has large integers as strings."""
        return int(self.settings.get(name, {}).get("i", 0) or 0)

    def integers(self, name: str) -> tuple[int, ...]:
        return tuple(int(n) for n in self.settings.get(name, {}).get("list", {}).get("i", ()))

    def flag(self, name: str) -> bool:
        return bool(self.settings.get(name, {}).get("b", False))

    def dtype(self, name: str) -> str:
        return str(self.settings[name]["type"])

    def text(self, name: str) -> str:
        return base64.b64decode(self.settings[name]["s"]).decode()

    def texts(self, name: str) -> tuple[str, ...]:
        listed = self.settings.get(name, {}).get("list", {}).get("s", ())
        return tuple(base64.b64decode(text).decode() for text in listed)


@dataclass(frozen=True, eq=False)
class TfjsFile:
    """Nodes in an order in which each has what it takes; weights and the name of the input; the outputs' names."""

    nodes: tuple[TfjsNode, ...]
    weights: Mapping[str, np.ndarray]
    input: str
    outputs: tuple[str, ...]


def read_tfjs(path: Path) -> TfjsFile:
    """path: the json. Raises ValueError that names it for anything else, and where its weights are missing or truncated."""
    with errors_named(path, _KIND):
        content = json.loads(path.read_text())
        nodes = {str(node["name"]): _node(node) for node in content["modelTopology"]["node"]}
        outputs = tuple(maker_of(str(out["name"])) for out in content["signature"]["outputs"].values())
        inputs = [node.name for node in nodes.values() if node.op == "Placeholder"]
        if len(inputs) != 1:
            raise ValueError(f"expected one input, it has {len(inputs)}")
        weights: dict[str, np.ndarray] = {}
        for group in content["weightsManifest"]:
            weights |= _weights(group, path.parent)
        in_order = [node for node in _in_order(nodes, outputs) if node.op not in ("Const", "Placeholder")]
        return TfjsFile(tuple(in_order), weights, inputs[0], outputs)


def maker_of(name: str) -> str:
    """The node that makes what goes by ``name``."""
    return name.lstrip("^").split(":")[0]


def _node(node: Mapping[str, Any]) -> TfjsNode:
    takes = tuple(str(name) for name in node.get("input", ()) if not str(name).startswith("^"))  # ^: only an order
    return TfjsNode(str(node["name"]), str(node["op"]), takes, node.get("attr", {}))


def _in_order(nodes: Mapping[str, TfjsNode], outputs: tuple[str, ...]) -> list[TfjsNode]:
    """What the outputs need, each node after those that it takes from; without recursion, for a file may nest deeply."""
    ordered: list[TfjsNode] = []
    state: dict[str, str] = {}
    stack = list(outputs)
    while stack:
        name = stack[-1]
        if state.get(name) == "done":
            stack.pop()
            continue
        waiting = [maker_of(taken) for taken in nodes[name].takes if state.get(maker_of(taken)) != "done"]
        if waiting and state.get(name) == "opened":
            raise ValueError(f"node {name} needs itself")
        state[name] = "opened" if waiting else "done"
        if waiting:
            stack += waiting
        else:
            ordered.append(nodes[name])
    return ordered


def _weights(group: Mapping[str, Any], folder: Path) -> dict[str, np.ndarray]:
    """Of one group of files, which are read one after the other as if they were one."""
    names = [str(name) for name in group["paths"]]
    if any(Path(name).name != name for name in names):
        raise ValueError(f"its weights are said to lie elsewhere than beside it ({', '.join(names)})")
    raw = b"".join((folder / name).read_bytes() for name in names)
    found, place = {}, 0
    for entry in group["weights"]:
        found[str(entry["name"])] = _values(entry, raw, place)
        place += prod(entry["shape"]) * np.dtype(_stored_dtype(entry)).itemsize
    if place != len(raw):
        raise ValueError(f"{', '.join(names)} should be {place} bytes, they are {len(raw)}")
    return found


def _stored_dtype(entry: Mapping[str, Any]) -> type[np.generic]:
    return _DTYPES[entry.get("quantization", entry)["dtype"]]


def _values(entry: Mapping[str, Any], raw: bytes, place: int) -> np.ndarray:
    """One weight, widened where it is kept in fewer bits."""
    values = np.frombuffer(raw, _stored_dtype(entry), prod(entry["shape"]), place).reshape(entry["shape"])
    narrow = entry.get("quantization")
    if narrow and "scale" in narrow:
        values = values.astype(np.float32) * narrow["scale"] + narrow["min"]
    return values.astype(_DTYPES[entry["dtype"]])
