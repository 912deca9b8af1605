"""A .tflite graph as a torch module: batches, gradients and inner tensors, without TensorFlow or an interpreter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.func import functional_call

from hmr.detection.named_errors import errors_named
from hmr.detection.tf_layers import MOST_NUMBERS
from hmr.detection.tflite_file import TfliteFile, read_tflite
from hmr.detection.tflite_layers import COMPUTED, LAYERS


class TfliteGraph(nn.Module):
    """Replays the steps of a file in order. Its weights are buffers: they are somebody's finished work, not to be trained.

    Attributes:
        inputs_chw: channels, height and width of the picture that it takes.
        outputs: numbers of its output tensors, in the file's order.
        numbers: of every tensor, by name.
        shapes: of every computed tensor without the batch, channels first, by number.
    """

    def __init__(self, path: Path) -> None:
        """Raises ValueError that names the file when it is not a graph of the kinds known here, or contradicts itself."""
        super().__init__()
        with errors_named(path, "a TensorFlow Lite file"):
            file = _without_dequantize(read_tflite(path))
            self._layers = nn.ModuleList(LAYERS[step.kind](step, file) for step in file.steps)
            self._takes = [step.takes[: COMPUTED[step.kind]] for step in file.steps]
            self._makes = [step.makes for step in file.steps]
            self._input, self.outputs = file.inputs[0], file.outputs
            self.numbers = {tensor.name: i for i, tensor in enumerate(file.tensors)}
            self.inputs_chw = _channels_first(file.tensors[self._input].shape)
            self.shapes = {number: _channels_first(file.tensors[number].shape) for number in self._makes}
            self._check_shapes()

    def _check_shapes(self) -> None:
        """What is computed has the shapes that the file says: tried without numbers, which costs no time and no memory."""
        if (most := max(prod(shape) for shape in self.shapes.values())) > MOST_NUMBERS:
            raise ValueError(f"one of its tensors has {most} numbers")
        weights = {name: weight.to("meta") for name, weight in self.named_buffers()}
        wanted = tuple(self.shapes)
        picture = torch.zeros(2, *self.inputs_chw, device="meta")
        found = functional_call(self, weights, (picture,), {"also": wanted})
        for number, shape in self.shapes.items():
            if tuple(found[number].shape[1:]) != shape:
                raise ValueError(f"tensor {number} comes out as {tuple(found[number].shape[1:])}, it says {shape}")

    def forward(self, pictures: Tensor, also: Sequence[int] = ()) -> dict[int, Tensor]:
        """pictures: (n, channels, height, width). The outputs and the inner tensors ``also``, by number; maps channels first.

        Raises ValueError for numbers that are not computed, and for pictures of another size.
        """
        return self.inner(pictures, (*self.outputs, *also))

    def inner(self, pictures: Tensor, wanted: Sequence[int]) -> dict[int, Tensor]:
        """Only these tensors, by number: steps that they do not need are not done. Raises as ``forward``."""
        if pictures.shape[1:] != self.inputs_chw:
            raise ValueError(f"expected pictures (n, {self.inputs_chw}), got {tuple(pictures.shape)}")
        if unknown := [number for number in wanted if number not in self.shapes]:
            raise ValueError(f"tensors {unknown} are not computed in this graph")
        steps = self._steps_for(wanted)
        last_use = {number: i for i in steps for number in self._takes[i]}
        # Channels last in memory, as the graph was made: depthwise steps are half as fast otherwise.
        kept, known = set(wanted), {self._input: pictures.contiguous(memory_format=torch.channels_last)}
        for i in steps:
            known[self._makes[i]] = self._layers[i](*(known[number] for number in self._takes[i]))
            for number in set(self._takes[i]):
                if last_use[number] == i and number not in kept:  # large maps, in a batch of people
                    del known[number]
        return {number: known[number] for number in wanted}

    def _steps_for(self, wanted: Sequence[int]) -> list[int]:
        """Numbers of the steps that these tensors come from, in the file's order."""
        needed, steps = set(wanted), []
        for i in reversed(range(len(self._layers))):
            if self._makes[i] in needed:
                steps.append(i)
                needed.update(self._takes[i])
        return steps[::-1]


def _without_dequantize(file: TfliteFile) -> TfliteFile:
    """Weights kept as float16 are widened once, here, and the steps that would do it each time are dropped."""
    tensors, steps = list(file.tensors), []
    for step in file.steps:
        if step.kind != "DEQUANTIZE":
            steps.append(step)
        elif (value := tensors[step.takes[0]].value) is None:
            raise ValueError("it dequantises what it computed")
        else:
            tensors[step.makes] = replace(tensors[step.makes], value=value)
    return replace(file, tensors=tuple(tensors), steps=tuple(steps))


def _channels_first(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Without the batch."""
    return (shape[3], shape[1], shape[2]) if len(shape) == 4 else shape[1:]
