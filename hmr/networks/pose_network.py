"""A transformer over 29 joint tokens and 23 twist tokens, conditioned on a picture: the body of HypoNet's denoiser.

The same network with no noise to look at is a deterministic regressor: that comparison is fair by construction.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hmr.networks.blocks import Blocks
from hmr.networks.conditions import Conditions
from hmr.networks.config import BlocksConfig
from hmr.pose_state import PoseState
from hmr.skeleton import NUM_KEYPOINTS, NUM_TWISTS

NUM_TOKENS = NUM_KEYPOINTS + NUM_TWISTS


class PoseNetwork(nn.Module):
    """State and conditions to an output of the state's size. channels: width of the conditions' features."""

    def __init__(self, config: BlocksConfig, channels: int) -> None:
        super().__init__()
        d = config.width
        self.joint_in, self.twist_in = nn.Linear(3, d), nn.Linear(2, d)
        self.own_joint_in, self.own_twist_in = nn.Linear(3, d), nn.Linear(2, d)
        self.local_in, self.memory_in = nn.Linear(channels, d), nn.Linear(channels, d)
        self.token = nn.Parameter(0.02 * torch.randn(NUM_TOKENS, d))
        self.blocks = Blocks(config)
        self.joint_out = nn.Parameter(torch.zeros(NUM_KEYPOINTS, d, 3))
        self.twist_out = nn.Parameter(torch.zeros(NUM_TWISTS, d, 2))

    def condition(self, conditions: Conditions) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        """What depends on the picture alone: token biases (b, 1, 52, d) and the memory's keys and values."""
        own = PoseState.unpack(conditions.own)
        bias = self.local_in(conditions.local) + torch.cat(
            [self.own_joint_in(own.uvd), self.own_twist_in(own.twist)], 1
        )
        return (bias + self.token)[:, None], self.blocks.memory(self.memory_in(conditions.memory))

    def forward(self, x: Tensor, extra: Tensor | None, condition: tuple[Tensor, list[tuple[Tensor, Tensor]]]) -> Tensor:
        """x (b, n, 133), extra: (b, n, d) added to every token (the time embedding) or None. Returns (b, n, 133)."""
        state = PoseState.unpack(x)
        tokens = torch.cat([self.joint_in(state.uvd), self.twist_in(state.twist)], 2) + condition[0]
        if extra is not None:
            tokens = tokens + extra[:, :, None]
        tokens = self.blocks(tokens, condition[1])
        uvd = torch.einsum("bntd,tdc->bntc", tokens[:, :, :NUM_KEYPOINTS], self.joint_out)
        twist = torch.einsum("bntd,tdc->bntc", tokens[:, :, NUM_KEYPOINTS:], self.twist_out)
        return PoseState(uvd, twist).pack()
