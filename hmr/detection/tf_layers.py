"""TensorFlow's ways that torch does not share: padding that depends on the picture's size, and its old bilinear resizing."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

#: Of a picture's side, and the most numbers of anything that a file may ask to be made: no real graph comes near.
LARGEST_SIDE, MOST_NUMBERS = 1 << 14, 1 << 28


def same_padding(size: int, kernel: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """Before and after, so that ceil(size / stride) places come out; an odd one goes after."""
    covered = (kernel - 1) * dilation + 1
    total = max((-(-size // stride) - 1) * stride + covered - size, 0)
    return total // 2, total - total // 2


def padded_same(
    x: Tensor, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int] = (1, 1), value: float = 0.0
) -> Tensor:
    """(n, c, h, w) padded for a kernel (height, width) as TensorFlow's SAME says."""
    top, bottom = same_padding(x.shape[2], kernel[0], stride[0], dilation[0])
    left, right = same_padding(x.shape[3], kernel[1], stride[1], dilation[1])
    return F.pad(x, (left, right, top, bottom), value=value) if top + bottom + left + right else x


def convolved(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: Sequence[int], dilation: Sequence[int], same: bool
) -> Tensor:
    """Of (n, c, h, w), padded as TensorFlow's SAME says where ``same``; weights (c, 1, h, w) are of single channels."""
    stride, dilation, groups = tuple(stride), tuple(dilation), x.shape[1] if weight.shape[1] == 1 else 1
    if same:
        of_sides = zip(x.shape[2:], weight.shape[2:], stride, dilation, strict=True)
        (top, bottom), (left, right) = (same_padding(*of_side) for of_side in of_sides)
        if top == bottom and left == right:  # then the convolution pads by itself, without a copy
            return F.conv2d(x, weight, bias, stride, (top, left), dilation, groups)
        x = padded_same(x, weight.shape[2:], stride, dilation)
    return F.conv2d(x, weight, bias, stride, 0, dilation, groups)


def resized(x: Tensor, size_hw: Sequence[int], align_corners: bool, half_pixel_centers: bool) -> Tensor:
    """(n, c, h, w) to (n, c, *size_hw), bilinear, by TensorFlow's two flags. Raises ValueError for sizes that are none."""
    if not all(1 <= side <= LARGEST_SIDE for side in size_hw):
        raise ValueError(f"expected sides from 1 to {LARGEST_SIDE}, got {list(size_hw)}")
    if align_corners or half_pixel_centers:
        return F.interpolate(x, size=tuple(size_hw), mode="bilinear", align_corners=align_corners)
    return _blended(_blended(x, 2, size_hw[0]), 3, size_hw[1])


def _blended(x: Tensor, axis: int, size: int) -> Tensor:
    """TensorFlow's first way: place i of the new one looks at i × old / new, so the corner stays and the end is repeated."""
    old = x.shape[axis]
    place = torch.arange(size, dtype=x.dtype, device=x.device) * (old / size)
    low = place.floor().long().clamp(max=old - 1)
    high = (low + 1).clamp(max=old - 1)
    weight = (place - low).reshape([-1 if a == axis else 1 for a in range(x.ndim)])
    return x.index_select(axis, low) * (1 - weight) + x.index_select(axis, high) * weight
