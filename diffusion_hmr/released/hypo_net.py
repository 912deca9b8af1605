"""HypoNet's denoiser as released: 29 keypoint and 23 twist tokens, 6 blocks, predicts the noise.

It looks at maps, not at pictures: the coarse map (b, 512, 8, 8) of an HRNet-W48 and its local features at the branch's own
keypoints and bone middles (b, 52, 256), the same for all hypotheses and steps.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from diffusers.models.embeddings import get_timestep_embedding
from torch import Tensor, nn

from diffusion_hmr.released.objective import ReleasedObjective
from hmr.networks.checkpoint import Pretrained
from hmr.networks.encoder import map_tokens
from hmr.networks.hrnet_branch import HrnetConditions
from hmr.networks.hypo_decoder import (
    HypoDecoder,
    HypoDecoderConfig,
    MaskedLinear,
    MaskedTokens,
    body_graph,
    within_hops,
)
from hmr.skeleton import NUM_KEYPOINTS, NUM_TWISTS

CHECKPOINT_KIND = "released-hypo-net"
KEYPOINT_DIM, TWIST_DIM = 3 * NUM_KEYPOINTS, 2 * NUM_TWISTS


@dataclass(frozen=True)
class ReleasedHypoNetConfig:
    """coarse_hw: of the coarse map. token_channels: of a token's own coordinates; local features have as many. time_channels: of
    the sinusoidal embedding of the timestep."""

    coarse_hw: tuple[int, int] = (8, 8)
    token_channels: int = 256
    time_channels: int = 128
    decoder: HypoDecoderConfig = field(default_factory=HypoDecoderConfig)


class MaskedHead(nn.Module):
    """Tokens (…, t, d) to coordinates (…, t c), each from tokens within two hops."""

    def __init__(self, width: int, coordinates: int, near: Tensor) -> None:
        super().__init__()
        self.linear = MaskedLinear(near.float().repeat_interleave(coordinates, 0).repeat_interleave(width, 1))

    def forward(self, tokens: Tensor) -> Tensor:
        return self.linear(tokens.flatten(-2))


class ReleasedHypoNet(Pretrained):
    """See the module's docstring. States are (b, n, 133): 87 of keypoints, then 46 of twists, in the released scaling."""

    kind, config_type = CHECKPOINT_KIND, ReleasedHypoNetConfig

    def __init__(self, config: ReleasedHypoNetConfig) -> None:
        super().__init__()
        self.config = config
        near, d = within_hops(body_graph(twists=True), 2), config.decoder.width
        joints, twists = near[:NUM_KEYPOINTS, :NUM_KEYPOINTS], near[NUM_KEYPOINTS:, NUM_KEYPOINTS:]
        self.keypoints_in = MaskedTokens(3, config.token_channels, joints)
        self.twists_in = MaskedTokens(2, config.token_channels, twists)
        self.time_in, self.time_out = nn.Linear(config.time_channels, d), nn.Linear(d, d)
        self.decoder = HypoDecoder(config.decoder, config.coarse_hw, twists=True)
        self.keypoints_out, self.twists_out = MaskedHead(d, 3, joints), MaskedHead(d, 2, twists)

    @property
    def objective(self) -> ReleasedObjective:
        return ReleasedObjective()

    def error(self, states: Tensor, conditions: HrnetConditions, noise: Tensor, t: Tensor) -> Tensor:
        """How far the predicted noise is off, (b, n): ``squared_errors`` averaged over the dimensions."""
        return self.squared_errors(states, conditions, noise, t).mean(-1)

    def squared_errors(self, states: Tensor, conditions: HrnetConditions, noise: Tensor, t: Tensor) -> Tensor:
        """(b, n, 133) of the predicted noise, for states (b, n, 133) in the released scaling under noise (b, n, 133) at times
        (b, n)."""
        x_t, target = self.objective.corrupt(states, noise, t)
        return (self(x_t, t, conditions.coarse, conditions.local).float() - target).square()

    def forward(self, x_t: Tensor, t: Tensor, coarse: Tensor, local: Tensor) -> Tensor:
        """x_t (b, n, 133), t (b, n), coarse (b, 512, 8, 8), local (b, 52, 256). Returns the predicted noise (b, n, 133)."""
        keypoints, twists = x_t.split([KEYPOINT_DIM, TWIST_DIM], -1)
        own = torch.cat([self.keypoints_in(keypoints), self.twists_in(twists)], 2)
        tokens = torch.cat([own, local[:, None].expand(-1, x_t.shape[1], -1, -1)], -1)
        # As in DDPM's code: sines first, and the lowest frequency is exactly 1 / 10000.
        time = get_timestep_embedding(t.flatten(), self.config.time_channels, downscale_freq_shift=1)
        time = nn.functional.silu(self.time_out(nn.functional.silu(self.time_in(time))))
        tokens = self.decoder(tokens + time.view(*t.shape, 1, -1), map_tokens(coarse))
        out = [self.keypoints_out(tokens[:, :, :NUM_KEYPOINTS]), self.twists_out(tokens[:, :, NUM_KEYPOINTS:])]
        return torch.cat(out, -1) + x_t
