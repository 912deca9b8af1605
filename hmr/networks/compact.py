"""Weights in a quarter of their size: large matrices as bytes with a scale for each row, all else in half precision.

A weight moves by at most half a step of its row, 0.4 % of the row's largest. For weights that travel with the package; what is
trained further is kept in full.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

_BYTES, _SCALE = "::bytes", "::scale"
#: Matrices with fewer numbers are not worth it.
_LEAST = 4096


def compacted(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """To bytes. Integers and float64, which calibrations are, stay."""
    out: dict[str, Tensor] = {}
    for name, weight in weights.items():
        if weight.dtype != torch.float32:
            out[name] = weight
        elif weight.ndim < 2 or weight.numel() < _LEAST:
            out[name] = weight.half()
        else:
            rows = weight.flatten(1)
            scale = rows.abs().amax(1).clamp_min(1e-12) / 127
            out[name + _BYTES] = (rows / scale[:, None]).round().to(torch.int8).view(weight.shape)
            out[name + _SCALE] = scale
    return out


def unpacked(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Inverse of ``compacted``; weights that are not compact are left as they are."""
    out = {name: weight for name, weight in weights.items() if not name.endswith((_BYTES, _SCALE))}
    for name, weight in weights.items():
        if name.endswith(_BYTES):
            plain = name.removesuffix(_BYTES)
            scale = weights[plain + _SCALE]
            out[plain] = (weight.float().flatten(1) * scale[:, None]).view(weight.shape)
    return out
