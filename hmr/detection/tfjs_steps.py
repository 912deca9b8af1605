"""What TensorFlow's operators do, in torch; pictures are (n, height, width, channels) between them, as in the file.

Each takes its node and the tensors that come in, and gives a tensor, or several.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from hmr.detection.tf_layers import MOST_NUMBERS, convolved, padded_same, resized
from hmr.detection.tfjs_file import TfjsNode

Made = Tensor | tuple[Tensor, ...]
Step = Callable[[TfjsNode, Sequence[Tensor]], Made]
_DTYPES = {"DT_FLOAT": torch.float32, "DT_INT32": torch.int32, "DT_BOOL": torch.bool}
#: In place: what they are given is a convolution that nobody else has.
_FUSED = {"Relu": torch.relu_, "Relu6": lambda x: F.relu6(x, inplace=True), "BiasAdd": lambda x: x}


def convolution(node: TfjsNode, given: Sequence[Tensor]) -> Tensor:
    """Conv2D and its depthwise and fused kinds; kernels (h, w, in, out), or (h, w, channels, 1) where each has its own."""
    fused = node.texts("fused_ops")
    x, kernel = given[0].permute(0, 3, 1, 2), given[1]
    depthwise = "Depthwise" in node.op
    weight = kernel.permute((2, 3, 0, 1) if depthwise else (3, 2, 0, 1))
    stride, dilation = node.integers("strides")[1:3], node.integers("dilations")[1:3] or (1, 1)
    bias = given[2] if "BiasAdd" in fused else None
    y = convolved(x, weight, bias, stride, dilation, node.text("padding") == "SAME")
    for name in fused:
        y = _FUSED[name](y)
    return y.permute(0, 2, 3, 1)


def laid_out(kernel: Tensor) -> Tensor:
    """The same kernel (h, w, in, out) in another order of memory, from which ``convolution`` need not copy it each time."""
    if kernel.ndim != 4:
        return kernel
    return kernel.permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last).permute(2, 3, 1, 0)


def max_pool(node: TfjsNode, given: Sequence[Tensor]) -> Tensor:
    x = given[0].permute(0, 3, 1, 2)
    kernel, stride = node.integers("ksize")[1:3], node.integers("strides")[1:3]
    if node.text("padding") == "SAME":
        x = padded_same(x, kernel, stride, value=float("-inf"))
    return F.max_pool2d(x, kernel, stride).permute(0, 2, 3, 1)


def resize(node: TfjsNode, given: Sequence[Tensor]) -> Tensor:
    flags = node.flag("align_corners"), node.flag("half_pixel_centers")
    return resized(given[0].permute(0, 3, 1, 2).float(), given[1].tolist(), *flags).permute(0, 2, 3, 1)


def strided_slice(node: TfjsNode, given: Sequence[Tensor]) -> Tensor:
    """TensorFlow's masks have a bit for each of the numbers given: open at the start or end, or an axis taken away."""
    begin, end, stride = (numbers.tolist() for numbers in given[1:4])
    masks = {name: node.integer(f"{name}_mask") for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")}

    def taken(axis: int):
        if masks["ellipsis"] >> axis & 1:
            return Ellipsis
        if masks["new_axis"] >> axis & 1:
            return None
        if masks["shrink_axis"] >> axis & 1:
            return begin[axis]
        first = None if masks["begin"] >> axis & 1 else begin[axis]
        return slice(first, None if masks["end"] >> axis & 1 else end[axis], stride[axis])

    return given[0][tuple(taken(axis) for axis in range(len(begin)))]


def squeeze(node: TfjsNode, given: Sequence[Tensor]) -> Tensor:
    axes = node.integers("squeeze_dims")
    return given[0].squeeze(axes) if axes else given[0].squeeze()


def select(node: TfjsNode, given: Sequence[Tensor]) -> Tensor:
    """A condition of fewer axes is about the first ones."""
    condition, yes, no = given
    return torch.where(condition.reshape(*condition.shape, *[1] * (yes.ndim - condition.ndim)), yes, no)


def gather_nd(node: TfjsNode, given: Sequence[Tensor]) -> Tensor:
    return given[0][tuple(given[1].long().unbind(-1))]


def top_k(node: TfjsNode, given: Sequence[Tensor]) -> tuple[Tensor, ...]:
    values, places = given[0].topk(int(given[1]), -1)
    return values, places.int()


def split(node: TfjsNode, given: Sequence[Tensor]) -> tuple[Tensor, ...]:
    return given[1].chunk(node.integer("num_split"), int(given[0]))


def fill(node: TfjsNode, given: Sequence[Tensor]) -> Tensor:
    return given[1].expand(_allowed(given[0].tolist())).clone()


def tile(node: TfjsNode, given: Sequence[Tensor]) -> Tensor:
    times = given[1].tolist()
    _allowed([n * t for n, t in zip(given[0].shape, times, strict=True)])
    return given[0].repeat(times)


def number_range(node: TfjsNode, given: Sequence[Tensor]) -> Tensor:
    start, stop, step = (number.item() for number in given)
    _allowed([int((stop - start) / step)])
    return torch.arange(start, stop, step, dtype=given[0].dtype, device=given[0].device)


def _reduced(act: Callable) -> Step:
    return lambda node, given: act(given[0], given[1].reshape(-1).tolist(), keepdim=node.flag("keep_dims"))


def _plain(act: Callable) -> Step:
    """An act on the tensors alone."""
    return lambda node, given: act(*given)


def _sizes(values: Sequence[int], like: Tensor) -> Tensor:
    return torch.tensor(values, dtype=torch.int32, device=like.device)


def _allowed(shape: Sequence[int]) -> list[int]:
    """Raises ValueError for more numbers than any graph needs, before the memory is taken."""
    total = 1
    for side in shape:
        total *= max(int(side), 1)
    if total > MOST_NUMBERS:
        raise ValueError(f"it asks for {total} numbers at once")
    return [int(side) for side in shape]


STEPS: dict[str, Step] = {
    "_FusedConv2D": convolution, "FusedDepthwiseConv2dNative": convolution, "DepthwiseConv2dNative": convolution,
    "Conv2D": convolution, "MaxPool": max_pool, "ResizeBilinear": resize, "StridedSlice": strided_slice,
    "Squeeze": squeeze, "Select": select, "GatherNd": gather_nd, "TopKV2": top_k, "Split": split, "Fill": fill,
    "Tile": tile, "Range": number_range, "Sum": _reduced(torch.sum), "Max": _reduced(torch.amax),
    "AddV2": _plain(torch.add), "Sub": _plain(torch.sub), "Mul": _plain(torch.mul), "RealDiv": _plain(torch.div),
    "Minimum": _plain(torch.minimum), "Maximum": _plain(torch.maximum), "Less": _plain(torch.lt),
    "Greater": _plain(torch.gt), "GreaterEqual": _plain(torch.ge), "Equal": _plain(torch.eq),
    "LogicalAnd": _plain(torch.logical_and), "Abs": _plain(torch.abs), "Exp": _plain(torch.exp),
    "Sigmoid": _plain(torch.sigmoid), "Reciprocal": _plain(torch.reciprocal), "Identity": lambda node, given: given[0],
    "FloorDiv": lambda node, given: torch.div(given[0], given[1], rounding_mode="floor"),
    "SquaredDifference": lambda node, given: (given[0] - given[1]).square(),
    "AddN": lambda node, given: torch.stack(tuple(given)).sum(0, dtype=given[0].dtype),
    "Cast": lambda node, given: given[0].to(_DTYPES[node.dtype("DstT")]),
    "Shape": lambda node, given: _sizes(given[0].shape, given[0]),
    "Size": lambda node, given: _sizes(given[0].numel(), given[0]),  # pyright: ignore[reportArgumentType]
    "Reshape": lambda node, given: given[0].reshape(given[1].tolist()),
    "ExpandDims": lambda node, given: given[0].unsqueeze(int(given[1])),
    "Pack": lambda node, given: torch.stack(tuple(given), node.integer("axis")),
    "Unpack": lambda node, given: given[0].unbind(node.integer("axis")),
    "ConcatV2": lambda node, given: torch.cat(tuple(given[:-1]), int(given[-1])),
    "ArgMax": lambda node, given: given[0].argmax(int(given[1])).int(),
}  # fmt: skip
