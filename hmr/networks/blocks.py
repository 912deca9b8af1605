"""Transformer blocks over body tokens with cross-attention to a picture: self-attention, cross-attention, FFN (pre-norm).

Tokens of n hypotheses of a picture are (b, n, t, d); the picture's memory is (b, m, d). Keys and values of the memory are
made once for all hypotheses and all denoising steps.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from hmr.networks.config import BlocksConfig


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Softmax attention, (..., t, d) and (..., m, d) to (..., t, d).

    On a CPU the fused kernel's backward pass is three times slower in bf16 than the plain products for some fifty
    tokens (measured), so training spells attention out there.
    """
    if q.device.type == "cpu" and torch.is_grad_enabled():
        return (q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5).softmax(-1) @ v
    return scaled_dot_product_attention(q, k, v)


class Block(nn.Module):
    def __init__(self, config: BlocksConfig) -> None:
        super().__init__()
        d = config.width
        self.heads = config.heads
        self.norm_self, self.norm_cross, self.norm_ffn = nn.LayerNorm(d), nn.LayerNorm(d), nn.LayerNorm(d)
        self.qkv, self.self_out = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.q, self.kv, self.cross_out = nn.Linear(d, d), nn.Linear(d, 2 * d), nn.Linear(d, d)
        self.ffn = nn.Sequential(
            nn.Linear(d, config.ffn), nn.GELU(approximate="tanh"), nn.Dropout(config.dropout), nn.Linear(config.ffn, d)
        )

    def memory_keys_values(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """(b, m, d) to keys and values, each (b, heads, m, d / heads)."""
        k, v = self.kv(memory).unflatten(-1, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return k, v

    def forward(self, x: Tensor, keys_values: tuple[Tensor, Tensor]) -> Tensor:
        b, n, t, d = x.shape
        q, k, v = self.qkv(self.norm_self(x)).reshape(b * n, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        attended = attend(q, k, v).transpose(1, 2).reshape(b, n, t, d)
        x = x + self.self_out(attended)
        q = self.q(self.norm_cross(x)).reshape(b, n * t, self.heads, d // self.heads).transpose(1, 2)
        attended = attend(q, *keys_values).transpose(1, 2).reshape(b, n, t, d)
        x = x + self.cross_out(attended)
        return x + self.ffn(self.norm_ffn(x))


class Blocks(nn.Module):
    """A stack of blocks and a final norm."""

    def __init__(self, config: BlocksConfig) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.width)

    def memory(self, memory: Tensor) -> list[tuple[Tensor, Tensor]]:
        """(b, m, d) to the keys and values of every block."""
        return [block.memory_keys_values(memory) for block in self.blocks]  # pyright: ignore[reportCallIssue, reportAttributeAccessIssue]

    def forward(self, x: Tensor, keys_values: list[tuple[Tensor, Tensor]]) -> Tensor:
        for block, kv in zip(self.blocks, keys_values, strict=True):
            x = block(x, kv)
        return self.norm(x)
