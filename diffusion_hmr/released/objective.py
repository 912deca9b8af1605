"""What the released HypoNet is trained for and sampled by: noise prediction on a linear schedule, DDIM in four calls.

Symbols as in ``diffusion_hmr.objective``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from diffusion_hmr.objective import timestep_weights
from diffusion_hmr.released.sampler import cumulative_alphas, ddim
from hmr.training.batch_random import BatchRandom
from hmr.training.config import TimestepWeighting


@lru_cache(maxsize=3)
def _weights(weighting: TimestepWeighting) -> Tensor:
    return timestep_weights(weighting, cumulative_alphas(), "epsilon")


@dataclass(frozen=True)
class ReleasedObjective:
    """The network says the noise (Ho et al. 2020); see the module's docstring. It offers what ``DiffusionObjective`` does."""

    def times(self, count: int, draws: int, random: BatchRandom) -> Tensor:
        """(count, draws) uniform timesteps."""
        return random.integers(len(cumulative_alphas()), count, draws)

    def corrupt(self, x_0: Tensor, noise: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """x_t and the noise, which is what the network should say of it: x_0 and noise (..., d), t (...) timesteps."""
        a = cumulative_alphas().to(t.device)[t, None]
        return a.sqrt().to(x_0.dtype) * x_0 + (1 - a).sqrt().to(x_0.dtype) * noise, noise

    def weights(self, weighting: TimestepWeighting, t: Tensor) -> Tensor:
        """Weights (p,) of errors at timesteps (p,), on the CPU; over all timesteps their mean is one."""
        return _weights(weighting)[t.cpu()]

    def integrate(self, predict: Callable[[Tensor, Tensor], Tensor], x: Tensor) -> Tensor:
        """From noise (b, n, d) to samples. predict: x_t and t (b, n) to the noise."""
        return ddim(lambda x_t, t: predict(x_t, torch.full(x_t.shape[:2], t, device=x_t.device)), x)
