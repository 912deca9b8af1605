"""Any timm backbone as a picture encoder with a coarse global map and a finer, deconvolved local map."""

from __future__ import annotations

import timm
import torch
from torch import Tensor, nn

from hmr.networks.config import EncoderConfig


class PictureEncoder(nn.Module):
    """(b, 3, s, s) in [0, 1] to a global map (b, c, h, w) and a local map (b, c, h 2^k, w 2^k)."""

    def __init__(self, config: EncoderConfig, size: int) -> None:
        super().__init__()
        args = dict(config.backbone_args)
        if "vit" in config.backbone:
            args.setdefault("img_size", size)
        self.backbone = timm.create_model(
            config.backbone,
            pretrained=config.pretrained,
            features_only=True,
            out_indices=[*config.lateral, -1],
            **args,
        )
        widths = self.backbone.feature_info.channels()  # pyright: ignore[reportAttributeAccessIssue, reportCallIssue]
        c = config.channels
        self.to_global = nn.Conv2d(widths[-1], c, 1)
        layers: list[nn.Module] = []
        for _ in range(config.deconvolutions):
            layers += [nn.ConvTranspose2d(c, c, 4, 2, 1, bias=False), nn.BatchNorm2d(c), nn.ReLU(inplace=True)]
        self.deconvolve = nn.Sequential(*layers)
        self.lateral = nn.ModuleList(nn.Conv2d(width, c, 1) for width in widths[:-1])
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406])[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225])[:, None, None], persistent=False)
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.mean: Tensor
        self.std: Tensor

    def forward(self, rgb: Tensor) -> tuple[Tensor, Tensor]:
        *finer, coarse = self.backbone(((rgb - self.mean) / self.std).contiguous(memory_format=torch.channels_last))
        global_map = self.to_global(coarse)
        local_map = self.deconvolve(global_map)
        for convolve, features in zip(self.lateral, finer, strict=True):
            extra = convolve(features)
            if extra.shape[-2:] != local_map.shape[-2:]:
                extra = nn.functional.interpolate(
                    extra, size=local_map.shape[-2:], mode="bilinear", align_corners=False
                )
            local_map = local_map + extra
        return global_map, local_map


def sample_map(feature_map: Tensor, uv: Tensor) -> Tensor:
    """Pixel-aligned features: (b, c, h, w) at (b, ..., 2) places in [-1, 1] to (b, ..., c). Zero outside the map."""
    flat = uv.reshape(len(uv), -1, 1, 2).to(feature_map.dtype)
    sampled = nn.functional.grid_sample(feature_map, flat, mode="bilinear", align_corners=False)
    return sampled[..., 0].transpose(1, 2).reshape(*uv.shape[:-1], feature_map.shape[1])


def map_tokens(feature_map: Tensor) -> Tensor:
    """(b, c, h, w) to (b, h w, c)."""
    return feature_map.flatten(2).transpose(1, 2)


def position_grid(h: int, w: int, channels: int, like: Tensor) -> Tensor:
    """Fixed 2-D sine-cosine positions (h w, channels)."""
    quarter = channels // 4
    frequency = torch.exp(torch.arange(quarter, device=like.device) * (-4.0 / max(quarter - 1, 1)))
    y = torch.arange(h, device=like.device)[:, None] * frequency
    x = torch.arange(w, device=like.device)[:, None] * frequency
    ys = torch.cat([y.sin(), y.cos()], -1)[:, None].expand(h, w, -1)
    xs = torch.cat([x.sin(), x.cos()], -1)[None].expand(h, w, -1)
    grid = torch.cat([ys, xs], -1).flatten(0, 1).to(like.dtype)
    return nn.functional.pad(grid, (0, channels - grid.shape[-1]))
