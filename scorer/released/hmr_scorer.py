"""HMR-Scorer as released (ADHMR section 4.2): ViT-B/16 on 256 x 192, one deconvolution, 29 tokens, 6 blocks.

Where the released code differs from the paper: twists are not looked at; scores are raw logits; the picture is in [0, 1] and
not normalised; the patch convolution pads by two pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import timm
import torch
from torch import Tensor, nn

from hmr.body import BodyModel
from hmr.displacement import uvd_of
from hmr.hypotheses import Hypotheses
from hmr.networks.checkpoint import Pretrained
from hmr.networks.encoder import map_tokens
from hmr.networks.hypo_decoder import HypoDecoder, HypoDecoderConfig, MaskedTokens, body_graph, within_hops
from hmr.skeleton import NUM_KEYPOINTS
from hmr.views import Views, check_same_pictures
from scorer.released.score_head import score_head
from scorer.scores import Scores

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


def upright_picture(rgb: Tensor, picture_hw: tuple[int, int]) -> Tensor:
    """Square crops (b, 3, s, s) in [0, 1] to (b, 3, 256, 192): as wide as the picture, black above and below."""
    height, width = picture_hw
    square = nn.functional.interpolate(rgb, (width, width), mode="bilinear", antialias=True, align_corners=False)
    return nn.functional.pad(square, (0, 0, (height - width) // 2, (height - width) // 2))


def uvd_in_upright_picture(uvd: Tensor, picture_hw: tuple[int, int]) -> Tensor:
    """The same for UVD (…, 3) of the square crop: v is squeezed, u and the depth in metres stay."""
    height, width = picture_hw
    return uvd * torch.tensor([1.0, width / height, 1.0], device=uvd.device)


class ReleasedHmrScorer(Pretrained):
    """See the module's docstring."""

    kind, config_type = CHECKPOINT_KIND, ReleasedHmrScorerConfig

    def __init__(self, config: ReleasedHmrScorerConfig) -> None:
        super().__init__()
        self.config = config
        encoder: Any = timm.create_model(
            config.backbone, img_size=config.picture_hw, num_classes=0, global_pool="", class_token=False,
            reg_tokens=config.task_tokens, no_embed_class=True,
        )  # fmt: skip
        encoder.patch_embed.proj.padding = (2, 2)
        self.encoder, self.grid_hw = encoder, tuple(encoder.patch_embed.grid_size)
        c, d = encoder.num_features, config.decoder.width
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

    says_errors = False

    @property
    def crop_size(self) -> int:
        return self.config.picture_hw[1]

    @property
    def crop_enlarge(self) -> float:
        return 1.2

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

    def score(self, views: Views, hypotheses: Hypotheses, model: BodyModel, batch_size: int = 16) -> Scores:
        """As ``scorer.Scorer.score``. Crops of any size are resampled to the scorer's own."""
        check_same_pictures(views, hypotheses.key)
        uvd = uvd_of(hypotheses.params, views.K, views.size, model)
        return self.score_uvd(views, uvd, torch.ones(uvd.shape[:-1], dtype=torch.bool), batch_size)

    @torch.no_grad()
    def score_uvd(self, views: Views, uvd: Tensor, known: Tensor, batch_size: int = 16) -> Scores:
        """uvd (b, n, 29, 3). The released scorer knows no missing keypoints, no displacements and no probability of a gross
        error: a candidate with unknown keypoints scores -inf, the others are NaN. Raw scores are not calibrated: NaN, too."""
        device = next(self.parameters()).device
        self.eval()
        in_picture = uvd_in_upright_picture(uvd, self.config.picture_hw)
        parts = []
        for start in range(0, len(views), batch_size):
            rows = slice(start, start + batch_size)
            rgb = upright_picture(views.rgb[rows].to(device).float() / 255, self.config.picture_hw)
            parts.append(self.judge(self.encode(rgb), torch.nan_to_num(in_picture[rows]).to(device)).cpu())
        usable = (uvd.isfinite().all(-1) & known).all(-1)
        value = torch.cat(parts).masked_fill(~usable, -torch.inf)
        unknown = torch.full_like(value, torch.nan)
        return Scores(views.key, value, torch.full(uvd.shape[:-1], torch.nan), unknown, (unknown, unknown), unknown)
