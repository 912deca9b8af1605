"""Multi-head attention between two sets of tokens."""

from __future__ import annotations

from torch import Tensor, nn

from hmr.networks.blocks import attend


class Attention(nn.Module):
    """softmax(Q K^T / sqrt(d)) V over ``heads``, with its projections."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v = (nn.Linear(channels, channels) for _ in range(3))
        self.out = nn.Linear(channels, channels)

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """(b, m, c), (b, k, c), (b, k, c) to (b, m, c)."""
        q, k, v = (
            f(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for f, x in ((self.q, query), (self.k, key), (self.v, value))
        )
        return self.out(attend(q, k, v).transpose(1, 2).flatten(2))
