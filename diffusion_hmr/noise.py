"""Noise that samples start from."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from hmr.pose_state import STATE_DIM


def noise_of_rows(rows: Sequence[int], count: int, seed: int) -> Tensor:
    """(len(rows), count, 133) standard normal; a row's numbers are the same whatever other rows are drawn with it."""
    by_row = [torch.Generator().manual_seed(1_000_003 * seed + row) for row in rows]
    return torch.stack([torch.randn(count, STATE_DIM, generator=generator) for generator in by_row])
