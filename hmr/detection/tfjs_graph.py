"""A TensorFlow.js graph model as a torch module: inner tensors by name, and gradients as far as its steps have them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from hmr.detection.named_errors import errors_named
from hmr.detection.tfjs_file import maker_of, read_tfjs
from hmr.detection.tfjs_steps import STEPS, convolution, laid_out


class TfjsGraph(nn.Module):
    """Replays the nodes of a file in order. Weights are buffers: somebody's finished work, not to be trained.

    Attributes:
        outputs: names of the nodes whose results come out.
    """

    def __init__(self, path: Path) -> None:
        """path: the json. Raises ValueError that names the file when it is none, or has steps that are not known here."""
        super().__init__()
        self._path = path
        file = read_tfjs(path)
        self._nodes, self._input, self.outputs = file.nodes, file.input, file.outputs
        # A buffer's name may hold no dots and slashes, as the file's do.
        self._buffer_of = {name: f"weight_{i}" for i, name in enumerate(file.weights)}
        with errors_named(path, "a TensorFlow.js graph model"):
            kernels = {node.takes[1] for node in self._nodes if STEPS.get(node.op) is convolution}
            for name, value in file.weights.items():
                weight = torch.from_numpy(value)
                self.register_buffer(self._buffer_of[name], laid_out(weight) if name in kernels else weight)
            known = {self._input, *file.weights, *(node.name for node in self._nodes)}
            for node in self._nodes:
                if node.op not in STEPS:
                    raise ValueError(f"operator {node.op} is not known here")
                if missing := [name for name in node.takes if maker_of(name) not in known]:
                    raise ValueError(f"node {node.name} takes {', '.join(missing)}, which is not in the file")

    def forward(self, pictures: Tensor, also: Sequence[str] = ()) -> dict[str, Tensor]:
        """pictures: (n, height, width, channels), in the units of the file's input. The outputs and the inner tensors ``also``,
        by name; maps channels last, as the file has them.

        Raises ValueError that names the file where it cannot be replayed on them.
        """
        known: dict[str, Tensor] = {name: self.get_buffer(buffer) for name, buffer in self._buffer_of.items()}
        known[self._input] = pictures
        with errors_named(self._path, "a TensorFlow.js graph model"):
            for node in self._nodes:
                made = STEPS[node.op](node, [_of(known, name) for name in node.takes])
                if isinstance(made, Tensor):
                    known[node.name] = made
                else:
                    known |= {f"{node.name}:{i}": each for i, each in enumerate(made)}
            return {name: _of(known, name) for name in (*self.outputs, *also)}


def _of(known: dict[str, Tensor], name: str) -> Tensor:
    """``name`` alone is the first thing that a node makes, and so is ``name:0``."""
    if name in known:
        return known[name]
    node = maker_of(name)
    return known[node] if node in known else known[f"{node}:0"]
