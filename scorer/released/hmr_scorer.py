"""HMR-Scorer as released (ADHMR section 4.2): ViT-B/16 on 256 x 192, one deconvolution, 29 tokens, 6 blocks.

Where the released code differs from the paper: twists are not looked at; scores are raw logits; the picture is in [0, 1] and
not normalised; the patch convolution pads by two pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import timm
import torch
from torch import Tensor, nn

from hmr.networks.checkpoint import load_weights, read_config, save_network
from hmr.networks.encoder import map_tokens
from hmr.networks.hypo_decoder import HypoDecoder, HypoDecoderConfig, MaskedTokens, body_graph, within_hops
from hmr.skeleton import NUM_KEYPOINTS
from scorer.released.score_head import score_head

CHECKPOINT_KIND = "released-hmr-scorer"


@dataclass(frozen=True)
class ReleasedHmrScorerConfig:
    """backbone: a timm ViT. picture_hw: pixels. task_tokens: of the mesh-recovery encoder it was taken from; not looked at.
    local_channels: of the deconvolved map. token_channels: of a keypoint's own coordinates."""

    backbone: str = "vit_base_patch16_224"
    picture_hw: tuple[int, int] = (256, 192)
    task_tokens: int = 31
    local_channels: int = 256
    token_channels: int = 256
    decoder: HypoDecoderConfig = field(default_factory=HypoDecoderConfig)


class ReleasedHmrScorer(nn.Module):
    """See the module's docstring."""

    def __init__(self, config: ReleasedHmrScorerConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = timm.create_model(
            config.backbone, img_size=config.picture_hw, num_classes=0, global_pool="", class_token=False,
            reg_tokens=config.task_tokens, no_embed_class=True,
        )  # fmt: skip
        self.encoder.patch_embed.proj.padding = (2, 2)  # pyright: ignore[reportAttributeAccessIssue]
        self.grid_hw: tuple[int, int] = self.encoder.patch_embed.grid_size  # pyright: ignore[reportAttributeAccessIssue]
        c, d = self.encoder.num_features, config.decoder.width  # pyright: ignore[reportAttributeAccessIssue]
        near = within_hops(body_graph(twists=False), 2)
        self.keypoints_in = MaskedTokens(3, config.token_channels, near)
        self.memory_in = nn.Conv2d(c, d, 1)
        self.deconvolve = nn.Sequential(
            nn.ConvTranspose2d(c, config.local_channels, 4, 2, 1, bias=False),
            nn.BatchNorm2d(config.local_channels),
            nn.ReLU(),
        )
        self.decoder = HypoDecoder(config.decoder, self.grid_hw, twists=False)
        self.head = score_head(NUM_KEYPOINTS, d, two_layers=True)

    def encode(self, rgb: Tensor) -> Tensor:
        """rgb (b, 3, 256, 192) in [0, 1] to the coarse map (b, 768, 16, 12)."""
        tokens = self.encoder(rgb)[:, self.config.task_tokens :]
        return tokens.transpose(1, 2).unflatten(-1, self.grid_hw)

    def judge(self, coarse: Tensor, uvd: Tensor) -> Tensor:
        """coarse (b, 768, 16, 12), uvd (b, n, 29, 3) in [-1, 1] and metres: raw scores (b, n)."""
        b, n = uvd.shape[:2]
        local_map = self.deconvolve(coarse)
        local = nn.functional.grid_sample(local_map, uvd[..., :2], align_corners=True)  # b c n 29
        tokens = torch.cat([self.keypoints_in(uvd.flatten(-2)), local.permute(0, 2, 3, 1)], -1)
        tokens = self.decoder(tokens, map_tokens(self.memory_in(coarse)))
        return self.head(tokens.reshape(b * n, -1)).view(b, n)

    def save_pretrained(self, folder: Path) -> None:
        save_network(folder, CHECKPOINT_KIND, self, self.config)

    @classmethod
    def from_pretrained(cls, folder: Path) -> ReleasedHmrScorer:
        config, _ = read_config(folder, CHECKPOINT_KIND, ReleasedHmrScorerConfig)
        scorer = cls(config)
        load_weights(folder, scorer)
        return scorer.eval()
