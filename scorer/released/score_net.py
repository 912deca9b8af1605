"""ScoreNet as released with ScoreHypo: 29 keypoint and 23 twist tokens, 6 blocks, on features of an HRNet-W48.

It looks at maps, not at pictures: its image branch is HypoNet's (coarse map (b, 512, 8, 8), local map (b, 256, 64, 64)).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from hmr.networks.checkpoint import Pretrained
from hmr.networks.encoder import map_tokens
from hmr.networks.hypo_decoder import HypoDecoder, HypoDecoderConfig, MaskedTokens, body_graph, within_hops
from hmr.skeleton import JOINT_PARENTS, NUM_JOINTS, NUM_KEYPOINTS, NUM_TWISTS
from scorer.released.score_head import score_head

CHECKPOINT_KIND = "released-score-net"
_TWIST_JOINT = list(range(1, NUM_JOINTS))
_TWIST_PARENT = list(JOINT_PARENTS[1:])


@dataclass(frozen=True)
class ReleasedScoreNetConfig:
    """coarse_hw: of the coarse map. token_channels: of a token's own coordinates, the local map has as many."""

    coarse_hw: tuple[int, int] = (8, 8)
    token_channels: int = 256
    decoder: HypoDecoderConfig = field(default_factory=HypoDecoderConfig)


class ReleasedScoreNet(Pretrained):
    """See the module's docstring."""

    kind, config_type = CHECKPOINT_KIND, ReleasedScoreNetConfig

    def __init__(self, config: ReleasedScoreNetConfig) -> None:
        super().__init__()
        self.config = config
        near = within_hops(body_graph(twists=True), 2)
        self.keypoints_in = MaskedTokens(3, config.token_channels, near[:NUM_KEYPOINTS, :NUM_KEYPOINTS])
        self.twists_in = MaskedTokens(2, config.token_channels, near[NUM_KEYPOINTS:, NUM_KEYPOINTS:])
        self.decoder = HypoDecoder(config.decoder, config.coarse_hw, twists=True)
        self.head = score_head(NUM_KEYPOINTS + NUM_TWISTS, config.decoder.width, two_layers=False)

    def judge(self, coarse: Tensor, local_map: Tensor, uvd: Tensor, twist: Tensor) -> Tensor:
        """coarse (b, 512, 8, 8), local_map (b, 256, 64, 64), uvd (b, n, 29, 3) in [-1, 1] and metres, twist (b, n, 23, 2):
        raw scores (b, n)."""
        b, n = uvd.shape[:2]
        uv = uvd[..., :2]
        middles = 0.5 * (uv[:, :, _TWIST_JOINT] + uv[:, :, _TWIST_PARENT])
        # The released weights were trained with x and y swapped where twist tokens look; they need it so.
        places = torch.cat([uv, middles.flip(-1)], 2)
        local = nn.functional.grid_sample(local_map, places, align_corners=True).permute(0, 2, 3, 1)
        own = torch.cat([self.keypoints_in(uvd.flatten(-2)), self.twists_in(twist.flatten(-2))], 2)
        tokens = self.decoder(torch.cat([own, local], -1), map_tokens(coarse))
        return self.head(tokens.reshape(b * n, -1)).view(b, n)
