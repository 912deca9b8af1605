"""The denoiser: joint and twist tokens, pixel-aligned local features, cross-attention to the picture (ADHMR section 3.2)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffusers.models.embeddings import get_timestep_embedding
from torch import Tensor, nn

from diffusion_hmr.objective import DiffusionObjective
from hmr.networks.conditions import Conditions
from hmr.networks.config import BlocksConfig
from hmr.networks.pose_network import PoseNetwork
from hmr.pose_state import STATE_DIM


@dataclass(frozen=True)
class PreparedCondition:
    """What of a condition depends on the picture alone; made once for all hypotheses and all steps."""

    tokens: Tensor
    memory: list[tuple[Tensor, Tensor]]
    own: Tensor


class Denoiser(nn.Module):
    """Predicts what its objective asks for of the residual x = (state - own estimate) / (own scale * residual_std).

    Centring on the image branch's own estimate, in units of its own uncertainty, leaves the network the posterior around it to
    learn, which a small network can do. ``residual_std`` (133,) is measured on training data.
    """

    def __init__(self, config: BlocksConfig, channels: int, objective: DiffusionObjective | None = None) -> None:
        super().__init__()
        self.objective = objective or DiffusionObjective()
        self.network = PoseNetwork(config, channels)
        self.time = nn.Sequential(nn.Linear(64, config.width), nn.SiLU(), nn.Linear(config.width, config.width))
        self.register_buffer("residual_std", torch.ones(STATE_DIM))
        self.residual_std: Tensor

    def prepare(self, conditions: Conditions) -> PreparedCondition:
        tokens, memory = self.network.condition(conditions)
        return PreparedCondition(tokens, memory, conditions.own)

    def forward(self, x_t: Tensor, t: Tensor, condition: PreparedCondition) -> Tensor:
        """x_t (b, n, 133), t (b, n) integer timesteps. Returns the prediction (b, n, 133), float32."""
        embedded = get_timestep_embedding(t.flatten(), 64).unflatten(0, t.shape).to(x_t.dtype)
        return self.network(x_t, self.time(embedded), (condition.tokens, condition.memory)).float()

    def normalised(self, state: Tensor, conditions: Conditions) -> Tensor:
        """(b, n, 133) packed states to x."""
        return (state - conditions.own[:, None]) / (conditions.own_scale[:, None] * self.residual_std)

    def denormalised(self, x: Tensor, conditions: Conditions) -> Tensor:
        return x * self.residual_std * conditions.own_scale[:, None] + conditions.own[:, None]

    def error(self, states: Tensor, conditions: Conditions, noise: Tensor, t: Tensor) -> Tensor:
        """How far the prediction is off, (b, n): ``squared_errors`` averaged over the dimensions."""
        return self.squared_errors(states, conditions, noise, t).mean(-1)

    def squared_errors(self, states: Tensor, conditions: Conditions, noise: Tensor, t: Tensor) -> Tensor:
        """(b, n, 133) of the prediction for packed states (b, n, 133) under noise (b, n, 133) at times (b, n).

        This is all that preference optimisation asks of a policy.
        """
        x_0 = self.normalised(states, conditions)
        x_t, target = self.objective.corrupt(x_0.flatten(0, 1), noise.flatten(0, 1), t.flatten())
        predicted = self(x_t.view_as(x_0), t, self.prepare(conditions))
        return (predicted - target.view_as(x_0)).square()
