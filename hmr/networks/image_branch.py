"""The image branch: picture to features, and its own single estimate of the body (integral regression, HybrIK-like).

It is what a deterministic regressor is made of, what conditions the generator's denoiser (which samples its local features
at the branch's *own* keypoints, the same for all hypotheses), and what a scorer's encoder is pre-trained as.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn

from hmr.camera import bearing
from hmr.networks.config import ImageBranchConfig
from hmr.networks.encoder import PictureEncoder, map_tokens, position_grid, sample_map
from hmr.networks.precision import autocast
from hmr.pose_state import PoseState
from hmr.skeleton import BONE_CHILD, NUM_JOINTS, NUM_KEYPOINTS, NUM_TWISTS
from hmr.views import Views

_TWIST_CHILD = list(BONE_CHILD[1:])
_TWIST_JOINT = list(range(1, NUM_JOINTS))


@dataclass(frozen=True)
class Estimate:
    """The branch's own body: state.uvd (b, 29, 3), state.twist (b, 23, 2), shape (b, 10), extent (b,) metres.

    uvd_scale (b, 29, 3): by how much it expects each coordinate of uvd to be off (scale of a Laplace distribution).
    heatmaps (b, 29, h, w): logits over the cells of the local map, whose mean cell uv is.
    """

    state: PoseState
    uvd_scale: Tensor
    shape: Tensor
    extent: Tensor
    heatmaps: Tensor

    def detach(self) -> Estimate:
        state = PoseState(self.state.uvd.detach(), self.state.twist.detach())
        rest = (self.uvd_scale, self.shape, self.extent, self.heatmaps)
        return Estimate(state, *(x.detach() for x in rest))


@dataclass(frozen=True)
class Conditions:
    """All that a denoiser or a regressor sees of b pictures; small enough to be kept for a whole dataset.

    memory (b, m, c): global tokens and one token of the crop's camera. local (b, 52, c): features at the own keypoints
    (29) and at the middles of the own bones (23). own (b, 133): packed own state. own_scale (b, 133): by how much each of its
    numbers is expected to be off (1 for twists, of which nothing is expected). shape (b, 10). extent (b,).
    """

    memory: Tensor
    local: Tensor
    own: Tensor
    own_scale: Tensor
    shape: Tensor
    extent: Tensor

    def map(self, function) -> Conditions:
        return Conditions(*(function(getattr(self, f.name)) for f in fields(self)))

    def __getitem__(self, rows) -> Conditions:
        return self.map(lambda x: x[rows])

    def __len__(self) -> int:
        return len(self.own)

    @staticmethod
    def cat(parts: list[Conditions]) -> Conditions:
        return Conditions(*(torch.cat([getattr(p, f.name) for p in parts]) for f in fields(Conditions)))


class ImageBranch(nn.Module):
    """See the module's docstring. ``size``: side of the crops in pixels."""

    def __init__(self, config: ImageBranchConfig, size: int) -> None:
        super().__init__()
        c = config.encoder.channels
        self.encoder = PictureEncoder(config.encoder, size)
        self.heatmaps = nn.Conv2d(c, NUM_KEYPOINTS, 1)
        self.depths = nn.Conv2d(c, NUM_KEYPOINTS, 1)
        self.scale_weight = nn.Parameter(torch.zeros(NUM_KEYPOINTS, c, 3))
        self.scale_bias = nn.Parameter(torch.full((NUM_KEYPOINTS, 3), -2.5))
        self.bearing = nn.Linear(3, c)
        self.pooled = nn.Sequential(
            nn.Linear(2 * c, config.hidden), nn.ReLU(), nn.Linear(config.hidden, NUM_TWISTS * 2 + 11)
        )
        nn.init.normal_(self.pooled[-1].weight, std=1e-3)  # pyright: ignore[reportArgumentType]
        nn.init.zeros_(self.pooled[-1].bias)  # pyright: ignore[reportArgumentType]

    def forward(self, rgb: Tensor, bearing: Tensor) -> tuple[Tensor, Tensor, Estimate]:
        """rgb (b, 3, s, s), bearing (b, 3) to memory (b, m, c), local map (b, c, h, w) and the own estimate."""
        global_map, local_map = self.encoder(rgb)
        camera = self.bearing(bearing)
        tokens = map_tokens(global_map)
        h, w = global_map.shape[-2:]
        grid = position_grid(h, w, tokens.shape[-1], tokens)
        memory = torch.cat([tokens + grid, camera[:, None]], 1)
        heatmaps = self.heatmaps(local_map).float()
        uvd = integral_uvd(heatmaps, self.depths(local_map).float())
        out = self.pooled(torch.cat([tokens.mean(1), camera], -1)).float()
        upright = torch.tensor([1.0, 0.0], device=out.device)
        twist = upright + out[:, : NUM_TWISTS * 2].unflatten(-1, (NUM_TWISTS, 2))
        local = sample_map(local_map, uvd[..., :2].detach()).float()
        log_scale = torch.einsum("bkc,kcd->bkd", local, self.scale_weight) + self.scale_bias
        estimate = Estimate(
            state=PoseState(uvd=uvd, twist=twist),
            uvd_scale=log_scale.clamp(-6, 2).exp(),
            shape=out[:, NUM_TWISTS * 2 : -1],
            extent=2.0 * torch.exp(out[:, -1]),
            heatmaps=heatmaps,
        )
        return memory, local_map, estimate

    def conditions(self, rgb: Tensor, bearing: Tensor) -> Conditions:
        """Everything that later networks are conditioned on, for b pictures."""
        memory, local_map, own = self(rgb, bearing)
        uv = own.state.uvd[..., :2]
        middles = 0.5 * (uv[:, _TWIST_JOINT] + uv[:, _TWIST_CHILD])
        local = sample_map(local_map, torch.cat([uv, middles], 1))
        own_scale = PoseState(own.uvd_scale, torch.ones_like(own.state.twist)).pack()
        return Conditions(memory.float(), local.float(), own.state.pack(), own_scale, own.shape, own.extent)


#: How far the cells of a heatmap reach: a little beyond the border, since a joint outside the crop is still a joint.
REACH = 1.15


def cell_centres(count: int, device: torch.device) -> Tensor:
    """(count,) coordinates u or v of a heatmap's columns or rows."""
    return REACH * ((torch.arange(count, device=device) + 0.5) * (2 / count) - 1)


def integral_uvd(heatmaps: Tensor, depths: Tensor) -> Tensor:
    """Integral regression (Sun et al. 2018): (b, 29, h, w) logits and depths to UVD (b, 29, 3), pelvis depth zero."""
    h, w = heatmaps.shape[-2:]
    probability = heatmaps.flatten(2).softmax(-1).unflatten(-1, (h, w))
    u, v = cell_centres(w, heatmaps.device), cell_centres(h, heatmaps.device)
    uv = torch.stack([(probability.sum(2) * u).sum(-1), (probability.sum(3) * v).sum(-1)], -1)
    d = (probability * depths).sum((2, 3))[..., None]
    return torch.cat([uv, d - d[:, :1]], -1)


def conditions_in_parts(branch: ImageBranch, views: Views, batch_size: int = 256) -> Iterator[tuple[slice, Conditions]]:
    """The frozen branch over all pictures, some rows at a time; on the CPU, in float32."""
    branch.eval()
    device = next(branch.parameters()).device
    towards = bearing(views.K, views.size)
    for start in range(0, len(views), batch_size):
        rows = slice(start, start + batch_size)
        with torch.no_grad(), autocast(device):
            part = branch.conditions(views.rgb[rows].to(device).float() / 255, towards[rows].to(device))
        yield rows, part.map(lambda x: x.float().cpu())


def conditions_of(branch: ImageBranch, views: Views) -> Conditions:
    """The frozen branch over all pictures, in memory."""
    return Conditions.cat([part for _, part in conditions_in_parts(branch, views)])
