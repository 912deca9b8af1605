"""HypoNet's sampler as released: deterministic DDIM (Song et al. 2021) over four timesteps, which the paper calls three.

Its step is 1000 // 3, so the timesteps are 0, 333, 666 and 999, and each of them is a call of the network.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

from hmr.pose_state import PoseState
from hmr.skeleton import NUM_KEYPOINTS, NUM_TWISTS

TIMESTEPS = (999, 666, 333, 0)
PICTURE_PX, DEPTH_MM, SCALE = 256.0, 2000.0, 50.0


@lru_cache(maxsize=1)
def cumulative_alphas() -> Tensor:
    """(1000,) float64 of the linear schedule from 1e-4 to 0.02, whose betas are rounded to float32 first."""
    betas = torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64).float()
    return (1 - betas.double()).cumprod(0)


def start(noise: Tensor) -> Tensor:
    """The noise (b, n, d), but each picture's first hypothesis starts at zeros: the deterministic mode."""
    return torch.cat([torch.zeros_like(noise[:, :1]), noise[:, 1:]], 1)


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


#: Of a state's numbers: u and v from -1 to 1 across the crop, metres behind the pelvis, cosines and sines.
_UNITS = (
    PoseState(torch.tensor([1.0, 1.0, DEPTH_MM / 2000]).expand(NUM_KEYPOINTS, 3), torch.ones(NUM_TWISTS, 2)).pack()
    / SCALE
)
#: What states in the released scaling are called in files.
RELEASED_UVD_AND_TWISTS = "released-uvd-and-twists"


def packed_of_released(x: Tensor) -> Tensor:
    """(..., 133) in the released scaling to our packed state (``hmr.pose_state``)."""
    return x * _UNITS.to(x.device)


def released_of_packed(packed: Tensor) -> Tensor:
    """The inverse of ``packed_of_released``."""
    return packed / _UNITS.to(packed.device)
