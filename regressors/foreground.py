"""Portrait Foreground Extraction (CoEvoer, section "Portrait Foreground Extraction")."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hmr.networks.encoder import map_tokens, position_grid
from regressors.attention import Attention


class DirectionalContext(nn.Module):
    """Coarse foreground Z_rec from pooling along rows and columns, refined by strip convolutions; gates the map."""

    def __init__(self, channels: int, strip: int = 7) -> None:
        super().__init__()
        self.horizontal = nn.Conv2d(channels, channels, (1, strip), padding=(0, strip // 2), groups=channels)
        self.vertical = nn.Conv2d(channels, channels, (strip, 1), padding=(strip // 2, 0), groups=channels)
        self.norm = nn.GroupNorm(4, channels)
        self.out = nn.Conv2d(channels, channels, 1)

    def forward(self, z: Tensor) -> Tensor:
        """(b, c, h, w) to the same."""
        z_rec = z.mean(3, keepdim=True) + z.mean(2, keepdim=True)
        refined = self.vertical(self.horizontal(z_rec + z))
        return z * torch.sigmoid(self.out(torch.relu(self.norm(refined))))


class TorsoTokens(nn.Module):
    """Prior interaction tokens: learnt queries that gather the map into ``count`` tokens for each of the three parts."""

    def __init__(self, channels: int, count: int, heads: int, foreground: bool) -> None:
        super().__init__()
        self.adjust = nn.Conv2d(channels, channels, 3, padding=1)
        # The variant without foreground extraction keeps the queries and reads the plain map.
        self.context = DirectionalContext(channels) if foreground else nn.Identity()
        self.queries = nn.Parameter(0.02 * torch.randn(3 * count, channels))
        self.attention = Attention(channels, heads)
        self.norm = nn.LayerNorm(channels)

    def forward(self, local_map: Tensor) -> Tensor:
        """(b, c, h, w) to T (b, 3, count, c), the torso's segments for left hand, right hand and face."""
        z = self.context(self.adjust(local_map))
        h, w = z.shape[-2:]
        memory = map_tokens(z)
        # Also values say where they are: that an arm is raised is a matter of where its elbow is.
        memory = memory + position_grid(h, w, memory.shape[-1], memory)
        queries = self.queries.to(memory.dtype).expand(len(memory), -1, -1)
        return self.norm(queries + self.attention(queries, memory, memory)).unflatten(1, (3, -1))
