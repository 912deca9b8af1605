"""How long and how a network is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class FitConfig:
    """steps: optimiser steps. batch_size: over all processes. lr: peak; linear warm-up for ``warmup`` of the steps, then cosine
    decay to zero.

    ema_decay: decay of the averaged weights (0: none). precision: "auto" is bf16 where the device is fast at it.
    gradient_accumulation_steps: parts that a process's batch is cut into, for memory; the result is the same.
    keep_last: training states that are kept on disk while the run lasts. shard: deal parameters, gradients and the optimiser's
    state out to the processes (FSDP2) instead of copying them to each, for backbones that are too large for that.
    """

    steps: int = 1000
    batch_size: int = 128
    lr: float = 1e-3
    warmup: float = 0.05
    weight_decay: float = 0.01
    grad_clip: float = 1.0
    ema_decay: float = 0.0
    precision: str = "auto"
    gradient_accumulation_steps: int = 1
    keep_last: int = 1
    shard: bool = False


#: uniform: as the paper. min_snr: less at high signal, where errors are small and say little (Hang et al. 2023, gamma 5).
#: late: only the half of the steps with less noise, where a sample's details are decided.
TimestepWeighting = Literal["uniform", "min_snr", "late"]
