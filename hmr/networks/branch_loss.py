"""What an image branch learns from labels."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hmr.body import BodyModel
from hmr.networks.conditions import Estimate
from hmr.networks.image_branch import REACH, cell_centres
from hmr.pose_state import PoseState, crop_extent, state_from_body
from hmr.samples import Samples


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

    @staticmethod
    def cat(parts: list[Targets]) -> Targets:
        columns = ([getattr(part, name) for part in parts] for name in ("state", "shape", "extent"))
        return Targets(*(torch.cat(column) for column in columns))

    @classmethod
    def of(cls, samples: Samples, model: BodyModel) -> Targets:
        state = state_from_body(samples.label, model, samples.K, samples.size)
        return cls(state.pack(), samples.label.shape, crop_extent(samples.label.t_cam_root, samples.K, samples.size))


def estimate_loss(own: Estimate, target: Targets) -> tuple[Tensor, dict[str, Tensor]]:
    """L1 on UVD, squared error on twists and shape, L1 on the logarithm of the extent, the cross-entropy of the heatmaps (of a
    branch that sees pictures); and a Laplace likelihood of the scales.

    The likelihood does not move the estimate itself: a picture that is hard would then be learnt less.
    """
    state = PoseState.unpack(target.state)
    off = (own.state.uvd - state.uvd).abs().detach()
    parts = {
        "scale": 0.1 * (off / own.uvd_scale + own.uvd_scale.log()).mean(),
        "uv": 4 * (own.state.uvd[..., :2] - state.uvd[..., :2]).abs().mean(),
        "d": 4 * (own.state.uvd[..., 2] - state.uvd[..., 2]).abs().mean(),
        "twist": (own.state.twist - state.twist).square().mean(),
        "shape": 0.05 * (own.shape - target.shape).square().mean(),
        "extent": (own.extent.log() - target.extent.log()).abs().mean(),
    }
    if own.heatmaps is not None:
        parts["heatmaps"] = heatmap_cross_entropy(own.heatmaps, state.uvd[..., :2]).mean()
    return sum(parts.values(), torch.zeros_like(off[0, 0, 0])), {key: value.detach() for key, value in parts.items()}
