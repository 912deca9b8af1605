"""How much the errors at each timestep count in preference optimisation."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from diffusion_hmr.schedule import noise_schedule
from dpo.config import TimestepWeighting


@lru_cache(maxsize=3)
def _weights(weighting: TimestepWeighting) -> Tensor:
    alphas = noise_schedule("v_prediction").alphas_cumprod.double()
    if weighting == "uniform":
        weights = torch.ones_like(alphas)
    elif weighting == "min_snr":
        snr = alphas / (1 - alphas)
        weights = snr.clamp_max(5.0) / (snr + 1)  # of an error in v
    else:
        weights = (torch.arange(len(alphas)) < len(alphas) // 2).double()
    return (weights / weights.mean()).float()


def timestep_weights(weighting: TimestepWeighting, t: Tensor) -> Tensor:
    """Weights (p,) of timesteps (p,), on the CPU; over all timesteps their mean is one, so that beta means the same."""
    return _weights(weighting)[t.cpu()]
