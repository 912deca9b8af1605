"""Where hands and face are in a picture, and their features: a box net and RoIAlign on the shared map (OSX, Lin et al. 2023).

Parts come in the order of ``hmr.expressive.samples.BOXED_PARTS``: left hand, right hand, face.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torchvision.ops import roi_align

from hmr.networks.encoder import map_tokens
from hmr.networks.image_branch import cell_centres
from hmr.part_boxes import BOXED_PARTS

NUM_PARTS = len(BOXED_PARTS)
#: A box is never smaller than this share of the crop, so that RoIAlign never reads an empty one.
SMALLEST_BOX = 0.03


def integral(heatmaps: Tensor) -> Tensor:
    """Logits (b, k, h, w) to mean places (b, k, 2) in [-1, 1], a little beyond at the border."""
    h, w = heatmaps.shape[-2:]
    probability = heatmaps.float().flatten(2).softmax(-1).unflatten(-1, (h, w))
    u, v = cell_centres(w, heatmaps.device), cell_centres(h, heatmaps.device)
    return torch.stack([(probability.sum(2) * u).sum(-1), (probability.sum(3) * v).sum(-1)], -1)


@dataclass(frozen=True)
class Boxes:
    """square (b, 3, 3): centre x, y and side in units of the crop. seen_logit (b, 3): is the part in the picture?
    heatmaps (b, 3, h, w): logits of the centre."""

    square: Tensor
    seen_logit: Tensor
    heatmaps: Tensor


class BoxNet(nn.Module):
    """Centres by integral regression, sides and whether the part is in the picture by an MLP."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.centre = nn.Conv2d(channels, NUM_PARTS, 1)
        self.side = nn.Sequential(nn.Linear(2 * channels, channels), nn.ReLU(), nn.Linear(channels, 2))

    def forward(self, local_map: Tensor, pooled: Tensor) -> Boxes:
        """local_map (b, c, h, w), pooled (b, c)."""
        heatmaps = self.centre(local_map)
        uv = integral(heatmaps)
        b = len(pooled)
        at_peak = (heatmaps.flatten(2).softmax(-1) @ map_tokens(local_map)).float()
        out = self.side(torch.cat([at_peak, pooled[:, None].float().expand(-1, NUM_PARTS, -1)], -1)).float()
        side = (0.2 * torch.exp(out[..., :1].clamp(-4, 2))).clamp(SMALLEST_BOX, 1.0)
        return Boxes(torch.cat([0.5 * (uv + 1), side], -1).view(b, NUM_PARTS, 3), out[..., 1], heatmaps.float())


def crop_parts(local_map: Tensor, square: Tensor, cells: int) -> Tensor:
    """RoIAlign: (b, c, h, w) and boxes (b, 3, 3) to tokens (b, 3, cells^2, c). What lies outside the picture is zero."""
    b, _, h, w = local_map.shape
    scale = torch.tensor([w, h], device=square.device)
    centre, half = square[..., :2] * scale, 0.5 * square[..., 2:] * scale
    rows = torch.arange(b, device=square.device).repeat_interleave(NUM_PARTS)[:, None]
    rois = torch.cat([rows, torch.cat([centre - half, centre + half], -1).flatten(0, 1)], 1)
    crops = roi_align(local_map.float(), rois.float(), (cells, cells), sampling_ratio=2, aligned=True)
    return map_tokens(crops).unflatten(0, (b, NUM_PARTS)).to(local_map.dtype)
