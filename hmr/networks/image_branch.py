"""The image branch: picture to features, and its own single estimate of the body (integral regression, HybrIK-like).

It is what a deterministic regressor is made of, what conditions the generator's denoiser (which samples its local features
at the branch's *own* keypoints, the same for all hypotheses), and what a scorer's encoder is pre-trained as.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import torch
from torch import Tensor, nn

from hmr.body import BodyModel
from hmr.networks.encoder import EncoderConfig, PictureEncoder, map_tokens, position_grid, sample_map
from hmr.pose_state import PoseState, crop_extent, state_from_body
from hmr.samples import Samples
from hmr.skeleton import BONE_CHILD, NUM_JOINTS, NUM_KEYPOINTS, NUM_TWISTS

_TWIST_CHILD = list(BONE_CHILD[1:])
_TWIST_JOINT = list(range(1, NUM_JOINTS))


@dataclass(frozen=True)
class ImageBranchConfig:
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    hidden: int = 256


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


def heatmap_cross_entropy(heatmaps: Tensor, uv: Tensor, width: float = 0.07) -> Tensor:
    """Cross-entropy (b, k) of the cells' probabilities, logits (b, k, h, w), against a Gaussian about uv (b, k, 2).

    Integral regression alone moves a mean; this says where the peak is, and learning is about twice as fast for it.
    """
    h, w = heatmaps.shape[-2:]
    centre = uv.clamp(-REACH, REACH)
    across = (-0.5 * ((cell_centres(w, uv.device) - centre[..., :1]) / width).square()).softmax(-1)
    down = (-0.5 * ((cell_centres(h, uv.device) - centre[..., 1:]) / width).square()).softmax(-1)
    target = down[..., :, None] * across[..., None, :]
    return -(target.flatten(2) * heatmaps.flatten(2).log_softmax(-1)).sum(-1)


def root_mean_square(residual: Tensor) -> Tensor:
    """Over the rows of (n, 133), with a floor for dimensions that hardly move: (133,)."""
    return residual.square().mean(0).sqrt().clamp_min(0.02)


@dataclass(frozen=True)
class Targets:
    """Labels as the networks learn them: state (n, 133), shape (n, 10), extent (n,)."""

    state: Tensor
    shape: Tensor
    extent: Tensor

    def __getitem__(self, rows) -> Targets:
        return Targets(self.state[rows], self.shape[rows], self.extent[rows])

    def to(self, device: torch.device) -> Targets:
        return Targets(self.state.to(device), self.shape.to(device), self.extent.to(device))

    @classmethod
    def of(cls, samples: Samples, model: BodyModel) -> Targets:
        state = state_from_body(samples.label, model, samples.K, samples.size)
        return cls(state.pack(), samples.label.shape, crop_extent(samples.label.t_cam_root, samples.K, samples.size))


def estimate_loss(own: Estimate, target: Targets) -> tuple[Tensor, dict[str, Tensor]]:
    """L1 on UVD, squared error on twists and shape, L1 on the logarithm of the extent, the cross-entropy of the heatmaps; and a
    Laplace likelihood of the scales.

    The likelihood does not move the estimate itself: a picture that is hard would then be learnt less.
    """
    state = PoseState.unpack(target.state)
    off = (own.state.uvd - state.uvd).abs().detach()
    parts = {
        "scale": (off / own.uvd_scale + own.uvd_scale.log()).mean(),
        "heatmaps": heatmap_cross_entropy(own.heatmaps, state.uvd[..., :2]).mean(),
        "uv": (own.state.uvd[..., :2] - state.uvd[..., :2]).abs().mean(),
        "d": (own.state.uvd[..., 2] - state.uvd[..., 2]).abs().mean(),
        "twist": (own.state.twist - state.twist).square().mean(),
        "shape": (own.shape - target.shape).square().mean(),
        "extent": (own.extent.log() - target.extent.log()).abs().mean(),
    }
    total = (
        4 * parts["uv"]
        + 4 * parts["d"]
        + parts["twist"]
        + 0.05 * parts["shape"]
        + parts["extent"]
        + parts["heatmaps"]
        + 0.1 * parts["scale"]
    )
    return total, {key: value.detach() for key, value in parts.items()}
