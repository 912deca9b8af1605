"""HypoNet's sampler as released: deterministic DDIM (Song et al. 2021) over four timesteps, which the paper calls three.

Its step is 1000 // 3, so the timesteps are 0, 333, 666 and 999, and each of them is a call of the network.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

TIMESTEPS = (999, 666, 333, 0)
PICTURE_PX, DEPTH_MM, SCALE = 256.0, 2000.0, 50.0


def cumulative_alphas() -> Tensor:
    """(1000,) float64 of the linear schedule from 1e-4 to 0.02, whose betas are rounded to float32 first."""
    betas = torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64).float()
    return (1 - betas.double()).cumprod(0)


def start(count: int, pictures: int, dimensions: int, generator: torch.Generator) -> Tensor:
    """(pictures, count, dimensions) noise whose first hypothesis is zeros: the deterministic mode."""
    x = torch.randn(pictures, count, dimensions, generator=generator)
    x[:, 0] = 0
    return x


def ddim(noise_of: Callable[[Tensor, int], Tensor], x: Tensor) -> Tensor:
    """noise_of: x and a timestep to the predicted noise. x (b, n, 133) at t = 999. Returns x at t = -1, the sample."""
    alphas = cumulative_alphas().to(x.dtype)
    for i, t in enumerate(TIMESTEPS):
        noise = noise_of(x, t)
        now = alphas[t]
        after = alphas[TIMESTEPS[i + 1]] if i + 1 < len(TIMESTEPS) else torch.ones_like(now)
        x_0 = (x - (1 - now).sqrt() * noise) / now.sqrt()
        x = after.sqrt() * x_0 + (1 - after).sqrt() * noise
    return x


def keypoints_in_crop(x_keypoints: Tensor) -> Tensor:
    """(…, 87) in the released scaling to (…, 29, 3): pixels of the 256 px crop, and millimetres behind the pelvis."""
    units = torch.tensor([PICTURE_PX, PICTURE_PX, DEPTH_MM]) / (2 * SCALE)
    offset = torch.tensor([0.5 * PICTURE_PX, 0.5 * PICTURE_PX, 0.0])
    return x_keypoints.unflatten(-1, (-1, 3)) * units + offset


def uvd_of_released(x_keypoints: Tensor) -> Tensor:
    """(…, 29, 3) in the released scaling to our UVD: u and v in [-1, 1] across the crop, metres behind the pelvis."""
    return x_keypoints * torch.tensor([1.0, 1.0, DEPTH_MM / 1000 / 2]) / SCALE


def released_of_uvd(uvd: Tensor) -> Tensor:
    """The inverse of ``uvd_of_released``."""
    return uvd * SCALE / torch.tensor([1.0, 1.0, DEPTH_MM / 1000 / 2])
