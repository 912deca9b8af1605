"""The kinds of steps of a .tflite graph as torch modules on (n, channels, height, width); weights are float32 buffers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hmr.detection.tf_layers import convolved, padded_same, resized
from hmr.detection.tflite_file import TfliteFile, TfliteStep

_SAME = 0
#: In place: what they are given is a sum or a convolution that nobody else has.
_ACTIVATIONS: dict[int, Callable[[Tensor], Tensor]] = {
    0: lambda x: x, 1: torch.relu_, 3: lambda x: F.relu6(x, inplace=True), 4: torch.tanh_,
}  # fmt: skip


class Convolution(nn.Module):
    """CONV_2D, and DEPTHWISE_CONV_2D where every channel has its own kernels; its activation is part of it."""

    weight: Tensor
    bias: Tensor | None

    def __init__(self, step: TfliteStep, file: TfliteFile) -> None:
        super().__init__()
        depthwise = step.kind == "DEPTHWISE_CONV_2D"
        # Kernels lie as (out, h, w, in), or as (1, h, w, out) where channels have their own.
        order = (3, 0, 1, 2) if depthwise else (0, 3, 1, 2)
        weight = _float(constant(step, file, 1).transpose(order))
        self.register_buffer("weight", weight.contiguous(memory_format=torch.channels_last))
        self.register_buffer("bias", _float(constant(step, file, 2)) if len(step.takes) > 2 else None)
        self.same = step.setting(0, "b") == _SAME
        self.stride = (step.setting(2, "i"), step.setting(1, "i"))
        later = 1 if depthwise else 0  # the channels' multiplier comes in between
        self.activation = _ACTIVATIONS[step.setting(3 + later, "b")]
        self.dilation = (step.setting(5 + later, "i", 1), step.setting(4 + later, "i", 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(convolved(x, self.weight, self.bias, self.stride, self.dilation, self.same))


class Sum(nn.Module):
    """ADD of two computed tensors."""

    def __init__(self, step: TfliteStep, file: TfliteFile) -> None:
        super().__init__()
        self.activation = _ACTIVATIONS[step.setting(0, "b")]

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.activation(x + y)


class MaxPool(nn.Module):
    def __init__(self, step: TfliteStep, file: TfliteFile) -> None:
        super().__init__()
        self.same = step.setting(0, "b") == _SAME
        self.stride = (step.setting(2, "i"), step.setting(1, "i"))
        self.kernel = (step.setting(4, "i"), step.setting(3, "i"))
        self.activation = _ACTIVATIONS[step.setting(5, "b")]

    def forward(self, x: Tensor) -> Tensor:
        if self.same:
            x = padded_same(x, self.kernel, self.stride, value=float("-inf"))
        return self.activation(F.max_pool2d(x, self.kernel, self.stride))


class Pad(nn.Module):
    """PAD with zeros; of channels too, which is how a graph widens a residual."""

    def __init__(self, step: TfliteStep, file: TfliteFile) -> None:
        super().__init__()
        _, height, width, channels = constant(step, file, 1).tolist()
        self.amounts = [*width, *height, *channels]

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x, self.amounts)


class Resize(nn.Module):
    def __init__(self, step: TfliteStep, file: TfliteFile) -> None:
        super().__init__()
        self.size_hw = constant(step, file, 1).tolist()
        self.align_corners, self.half_pixel_centers = (bool(step.setting(field, "B")) for field in (2, 3))

    def forward(self, x: Tensor) -> Tensor:
        return resized(x, self.size_hw, self.align_corners, self.half_pixel_centers)


class Flatten(nn.Module):
    """RESHAPE of a map to the numbers that it holds, channels last as the file's heads expect them."""

    def __init__(self, step: TfliteStep, file: TfliteFile) -> None:
        super().__init__()
        self.shape = file.tensors[step.makes].shape
        if len(self.shape) != 2:
            raise ValueError(f"a RESHAPE to {self.shape} is not known here")

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(0, 2, 3, 1).reshape(len(x), *self.shape[1:])


class Logistic(nn.Module):
    def __init__(self, step: TfliteStep, file: TfliteFile) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        return x.sigmoid()


LAYERS: dict[str, Callable[[TfliteStep, TfliteFile], nn.Module]] = {
    "ADD": Sum,
    "CONV_2D": Convolution,
    "DEPTHWISE_CONV_2D": Convolution,
    "LOGISTIC": Logistic,
    "MAX_POOL_2D": MaxPool,
    "PAD": Pad,
    "RESHAPE": Flatten,
    "RESIZE_BILINEAR": Resize,
}
#: How many of the tensors that a step takes are computed; the rest are weights and sizes that its layer keeps.
COMPUTED = {kind: 2 if kind == "ADD" else 1 for kind in LAYERS}


def constant(step: TfliteStep, file: TfliteFile, place: int) -> np.ndarray:
    """What the file gives for the tensor that a step takes at ``place``. Raises ValueError where that is computed."""
    value = file.tensors[step.takes[place]].value
    if value is None:
        raise ValueError(f"a {step.kind} whose {place}. tensor is computed is not known here")
    return value


def _float(value: np.ndarray) -> Tensor:
    """A copy, for the file's own bytes are not to be written to, and may begin anywhere."""
    return torch.from_numpy(np.array(value, dtype=np.float32, order="C"))
