"""How parts exchange what they know: CoEvoer's Collaborative Evolution Enhancer, and what its ablation puts in its place.

Z (b, 3, m, c) are tokens of left hand, right hand and face; T (b, 3, k, c) the torso's segments for them.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from regressors.attention import Attention


class Correction(nn.Module):
    """F_corr(Q, K, V) = F_fc(F_attn(Q, K, V)) (equation 3), as a residual block: queries are corrected, not replaced."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.norm_q, self.norm_kv = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.attention = Attention(channels, heads)
        self.fc = nn.Sequential(nn.Linear(channels, 2 * channels), nn.GELU(), nn.Linear(2 * channels, channels))

    def forward(self, query: Tensor, memory: Tensor) -> Tensor:
        """(b, m, c) and (b, k, c) to (b, m, c)."""
        keys = self.norm_kv(memory)
        return query + self.fc(self.attention(self.norm_q(query), keys, keys))


Memory = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def each_other(Z: Tensor, T: Tensor) -> tuple[Tensor, Tensor]:
    """The Collaborative Evolution Enhancer: a part asks its torso segment and a segment its part (equations 1 and 2)."""
    return T, Z


def everything(Z: Tensor, T: Tensor) -> tuple[Tensor, Tensor]:
    """The ablation's variant 1, self-attention over the concatenated features: everybody asks all parts and segments."""
    whole = torch.cat([Z, T], 2).flatten(1, 2)[:, None].expand(-1, Z.shape[1], -1, -1)
    return whole, whole


def itself(Z: Tensor, T: Tensor) -> tuple[Tensor, Tensor]:
    """No exchange: everybody asks itself. What the enhancer gains over this is what the others tell."""
    return Z, T


class _Layer(nn.Module):
    """Six corrections with weights of their own, of three parts and of three torso segments."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.part, self.torso = (nn.ModuleList(Correction(channels, heads) for _ in range(3)) for _ in range(2))

    def forward(self, Z: Tensor, T: Tensor, of_Z: Tensor, of_T: Tensor) -> tuple[Tensor, Tensor]:
        parts = [correct(Z[:, i], of_Z[:, i]) for i, correct in enumerate(self.part)]
        torso = [correct(T[:, i], of_T[:, i]) for i, correct in enumerate(self.torso)]
        return torch.stack(parts, 1), torch.stack(torso, 1)


class Exchange(nn.Module):
    """``layers`` of corrections, all by the same weights and as deep whatever ``memory`` says is asked."""

    def __init__(self, channels: int, heads: int, layers: int, memory: Memory) -> None:
        super().__init__()
        self.layers, self.memory = nn.ModuleList(_Layer(channels, heads) for _ in range(layers)), memory

    def forward(self, Z: Tensor, T: Tensor) -> tuple[Tensor, Tensor]:
        for layer in self.layers:
            Z, T = layer(Z, T, *self.memory(Z, T))
        return Z, T


class RefineNet(nn.Module):
    """The refined torso segments fused into one feature of the body, by an MLP."""

    def __init__(self, channels: int, count: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(3 * count * channels, 2 * channels), nn.ReLU(), nn.Linear(2 * channels, channels)
        )

    def forward(self, T: Tensor) -> Tensor:
        """(b, 3, k, c) to (b, c)."""
        return self.mlp(T.flatten(1))
