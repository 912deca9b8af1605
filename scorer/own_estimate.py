"""What a scorer expects of a candidate before looking closer: how far it is from the scorer's own estimate of the body.

The encoder estimates the body by itself and says how sure it is of each coordinate. A candidate's expected displacement is then
known in closed form: a limb that is seen and elsewhere is wrong; a limb that is hidden is uncertain, not wrong.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from hmr.networks.conditions import Estimate
from hmr.pose_state import PoseState


def expected_absolute(difference: Tensor, scale: Tensor) -> Tensor:
    """E|x - X| for a given x and X ~ Laplace(m, scale), difference = x - m: |d| + b exp(-|d| / b)."""
    distance = difference.abs()
    return distance + scale * torch.exp(-distance / scale)


def metres_of_uvd(extent: Tensor) -> Tensor:
    """(b, 1, 1, 3): metres for a unit of u, v and d, from the metres across the crop (b,)."""
    half = 0.5 * extent[:, None, None, None]
    return torch.cat([half, half, torch.ones_like(half)], -1)


def expected_displacement(uvd: Tensor, own: Estimate) -> tuple[Tensor, Tensor]:
    """Candidates uvd (b, n, 29, 3): metres that each keypoint is expected to be off, (b, n, 29) twice.

    First in the crop's own space, where a wrong place or scale counts; then relative to the pelvis, as PVE and MPJPE are.
    """
    metres = metres_of_uvd(own.extent)
    off = (uvd - own.state.uvd[:, None]) * metres
    scale = own.uvd_scale[:, None] * metres
    in_crop = expected_absolute(off, scale).norm(dim=-1)
    return in_crop, expected_absolute(off - off[:, :, :1], scale).norm(dim=-1)


def expected_in_plane(uvd: Tensor, own: Estimate) -> Tensor:
    """The same across the crop alone, (b, n, 29) metres: what a picture can tell of best."""
    metres = metres_of_uvd(own.extent)[..., :2]
    off = (uvd - own.state.uvd[:, None])[..., :2] * metres
    return expected_absolute(off, own.uvd_scale[:, None, :, :2] * metres).norm(dim=-1)


def drawn_to_marks(own: Estimate, marks: Tensor, log_scale: Tensor) -> Estimate:
    """The estimate together with what is said: where both are Gaussians, their product.

    marks (b, 29, 3): u, v and confidence, 0 where nothing is said. log_scale (b, 29): of how far a mark is off. An estimate of a
    body is smoother than a body is; marks are not.
    """
    there = (marks[..., 2:] > 0).to(own.uvd_scale.dtype)
    of_mark = there * torch.exp(-2 * log_scale)[..., None]
    of_own = own.uvd_scale[..., :2].square().reciprocal()
    total = of_own + of_mark
    uv = (of_own * own.state.uvd[..., :2] + of_mark * marks[..., :2]) / total
    uvd = torch.cat([uv, own.state.uvd[..., 2:]], -1)
    scale = torch.cat([total.rsqrt(), own.uvd_scale[..., 2:]], -1)
    return replace(own, state=PoseState(uvd, own.state.twist), uvd_scale=scale)
