"""What a device can do at most: multiplications of large matrices, to measure others against."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode


def matmul_flops_per_s(device: torch.device, dtype: torch.dtype, size: int = 2048, repeats: int = 7) -> float:
    """The median of a few, after one that does not count."""
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    took = []
    for i in range(repeats + 1):
        began = time.perf_counter()
        torch.matmul(a, b)
        if device.type == "cuda":
            torch.cuda.synchronize()
        if i:
            took.append(time.perf_counter() - began)
    return 2 * size**3 / statistics.median(took)


def flops_of(work: Callable[[], object]) -> int:
    """Of matrix products and convolutions."""
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


def share_of_rate(
    work: Callable[[], object], seconds: float, device: torch.device, dtype: torch.dtype
) -> dict[str, float]:
    """What ``work`` multiplies a second, and its share of what the device does at most in ``dtype``."""
    rate, best = flops_of(work) / seconds, matmul_flops_per_s(device, dtype)
    return {"gflop_per_s": rate / 1e9, "matmul_gflop_per_s": best / 1e9, "share": rate / best}
