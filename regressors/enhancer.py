"""How parts exchange what they know: CoEvoer's Collaborative Evolution Enhancer, and what its ablation puts in its place.

Z (b, 3, m, c) are tokens of left hand, right hand and face; T (b, 3, k, c) the torso's segments for them.
"""

from __future__ import annotations

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


class Enhancer(nn.Module):
    """Bidirectional cross-attention between each part and its torso segment (equations 1 and 2); weights are a part's own."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.to_part = nn.ModuleList(Correction(channels, heads) for _ in range(3))
        self.to_torso = nn.ModuleList(Correction(channels, heads) for _ in range(3))

    def forward(self, Z: Tensor, T: Tensor) -> tuple[Tensor, Tensor]:
        parts = [correct(Z[:, i], T[:, i]) for i, correct in enumerate(self.to_part)]
        torso = [correct(T[:, i], Z[:, i]) for i, correct in enumerate(self.to_torso)]
        return torch.stack(parts, 1), torch.stack(torso, 1)


class SelfAttention(nn.Module):
    """The ablation's variant 1: the features of all parts and of the torso in one sequence, self-attention over it, in
    six blocks, which is as many parameters as the enhancer has."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Correction(channels, heads) for _ in range(6))

    def forward(self, Z: Tensor, T: Tensor) -> tuple[Tensor, Tensor]:
        x = torch.cat([Z, T], 2)
        shape = x.shape
        x = x.flatten(1, 2)
        for block in self.blocks:
            x = block(x, x)
        x = x.view(shape)
        return x[:, :, : Z.shape[2]], x[:, :, Z.shape[2] :]


class Apart(nn.Module):
    """No exchange: every part attends to itself alone, with as many parameters. What the enhancer gains over this is what the
    other parts tell."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.part = nn.ModuleList(Correction(channels, heads) for _ in range(3))
        self.torso = nn.ModuleList(Correction(channels, heads) for _ in range(3))

    def forward(self, Z: Tensor, T: Tensor) -> tuple[Tensor, Tensor]:
        parts = [correct(Z[:, i], Z[:, i]) for i, correct in enumerate(self.part)]
        torso = [correct(T[:, i], T[:, i]) for i, correct in enumerate(self.torso)]
        return torch.stack(parts, 1), torch.stack(torso, 1)


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
