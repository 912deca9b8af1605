"""The image branch: picture to features, and its own single estimate of the body (integral regression, HybrIK-like).

It is what a deterministic regressor is made of, what conditions the generator's denoiser (which samples its local features
at the branch's *own* keypoints, the same for all hypotheses), and what a scorer's encoder is pre-trained as.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hmr.camera import bearing
from hmr.networks.conditions import Conditions, Estimate
from hmr.networks.config import ImageBranchConfig
from hmr.networks.encoder import PictureEncoder, map_tokens, position_grid, sample_map
from hmr.pose_state import PoseState
from hmr.skeleton import BONE_CHILD, NUM_JOINTS, NUM_KEYPOINTS, NUM_TWISTS
from hmr.views import Views

_TWIST_CHILD = list(BONE_CHILD[1:])
_TWIST_JOINT = list(range(1, NUM_JOINTS))


def keypoints_and_middles(uvd: Tensor) -> Tensor:
    """Where local features are taken, (b, 52, 2): at keypoints uvd (b, 29, 3) and at the middles of bones."""
    uv = uvd[..., :2]
    return torch.cat([uv, 0.5 * (uv[:, _TWIST_JOINT] + uv[:, _TWIST_CHILD])], 1)


class ImageBranch(nn.Module):
    """See the module's docstring. ``size``: side of the crops in pixels."""

    conditions_type = Conditions

    def __init__(self, config: ImageBranchConfig, size: int) -> None:
        super().__init__()
        c = config.encoder.channels
        self.config = config
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

    @property
    def channels(self) -> int:
        return self.config.encoder.channels

    def inputs(self, views: Views, device: torch.device) -> tuple[Tensor, Tensor]:
        """What ``forward`` takes of views that fit into memory."""
        return views.pictures().to(device), bearing(views.K, views.size).to(device)

    def conditions_of_views(self, views: Views, device: torch.device) -> Conditions:
        """Of views that fit into memory."""
        return self.conditions(*self.inputs(views, device))

    def conditions(self, rgb: Tensor, bearing: Tensor) -> Conditions:
        """Everything that later networks are conditioned on, for b pictures."""
        memory, local_map, own = self(rgb, bearing)
        return Conditions.of(memory, sample_map(local_map, keypoints_and_middles(own.state.uvd)), own)


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
