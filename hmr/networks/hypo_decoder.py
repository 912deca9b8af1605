"""The decoder that the released HypoNet, ScoreNet and HMR-Scorer share: tokens of a body over a picture (ScoreHypo, 2024).

Pre-norm blocks of self-attention, cross-attention and FFN. Queries and keys get a fixed sinusoidal embedding of the token's
number in every block, memory keys one of the place; values get none. Block i attends to tokens within ``reach[i]`` hops of the
body's graph, so the first blocks see nearly the whole body and the last only neighbours. Written anew from the released
code's interface and numbers (docs/rank.md, "Released checkpoints"); module names are ours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hmr.skeleton import KEYPOINT_PARENTS, NUM_JOINTS, NUM_KEYPOINTS


@dataclass(frozen=True)
class HypoDecoderConfig:
    """The released sizes. reach: hops of the body's graph that each block attends over, one entry for each block."""

    width: int = 512
    heads: int = 8
    ffn: int = 2048
    dropout: float = 0.1
    reach: tuple[int, ...] = (7, 6, 5, 4, 3, 1)


def body_graph(twists: bool) -> Tensor:
    """Adjacency with loops, (29, 29) or with twist tokens (52, 52), 0 or 1.

    Keypoints are neighbours along bones; the twist of joint j is a neighbour of j's neighbours, and of twists within two hops.
    """
    joints = torch.eye(NUM_KEYPOINTS, dtype=torch.long)
    for child, parent in enumerate(KEYPOINT_PARENTS):
        if parent >= 0:
            joints[child, parent] = joints[parent, child] = 1
    if not twists:
        return joints
    with_twist = slice(1, NUM_JOINTS)
    to_joints = joints[with_twist]
    to_twists = (joints @ joints).clamp_max(1)[with_twist, with_twist]
    return torch.cat([torch.cat([joints, to_joints.T], 1), torch.cat([to_joints, to_twists], 1)])


def within_hops(graph: Tensor, hops: int) -> Tensor:
    """(t, t) True where two tokens are at most ``hops`` apart."""
    return torch.linalg.matrix_power(graph.double(), hops) > 0


def index_embedding(count: int, width: int) -> Tensor:
    """(count, width): sines, then cosines, of 0 .. count - 1."""
    half = width // 2
    frequency = torch.exp(torch.arange(half) * (-math.log(10000) / (half - 1)))
    angle = torch.arange(count)[:, None] * frequency
    return torch.cat([angle.sin(), angle.cos()], -1)


def place_embedding(h: int, w: int, width: int) -> Tensor:
    """(h w, width): sines and cosines by turns, of x (first half) and of y, row by row."""

    def along(position: Tensor) -> Tensor:
        quarter = width // 4
        angle = position.flatten()[:, None] * 10000 ** (-torch.arange(quarter, dtype=torch.float64) / quarter)
        return torch.stack([angle.sin(), angle.cos()], -1).flatten(-2)

    y, x = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    return torch.cat([along(x), along(y)], -1).float()


class HypoBlock(nn.Module):
    """One block; ``reachable`` (t, t) is True where a token may attend."""

    reachable: Tensor

    def __init__(self, config: HypoDecoderConfig, reachable: Tensor) -> None:
        super().__init__()
        d = config.width
        self.self_attention = nn.MultiheadAttention(d, config.heads, batch_first=True)
        self.cross_attention = nn.MultiheadAttention(d, config.heads, batch_first=True)
        self.ffn_in, self.ffn_out = nn.Linear(d, config.ffn), nn.Linear(config.ffn, d)
        self.norm_self, self.norm_cross, self.norm_ffn = nn.LayerNorm(d), nn.LayerNorm(d), nn.LayerNorm(d)
        self.dropout = nn.Dropout(config.dropout)
        self.register_buffer("reachable", reachable, persistent=False)

    def forward(self, x: Tensor, order: Tensor, memory: Tensor, place: Tensor) -> Tensor:
        """x (b, n, t, d) tokens of n bodies of each picture, order (t, d), memory (b, m, d), place (m, d)."""
        b, n, t, d = x.shape
        value = self.norm_self(x).view(b * n, t, d)
        key = value + order
        attended, _ = self.self_attention(key, key, value, attn_mask=~self.reachable, need_weights=False)
        x = x + self.dropout(attended).view_as(x)
        query = (self.norm_cross(x) + order).view(b, n * t, d)
        attended, _ = self.cross_attention(query, memory + place, memory, need_weights=False)
        x = x + self.dropout(attended).view_as(x)
        return x + self.dropout(self.ffn_out(self.dropout(self.ffn_in(self.norm_ffn(x)).relu())))


class HypoDecoder(nn.Module):
    """The stack. ``memory_hw``: height and width of the picture's coarse map."""

    order: Tensor
    place: Tensor

    def __init__(self, config: HypoDecoderConfig, memory_hw: tuple[int, int], twists: bool) -> None:
        super().__init__()
        graph = body_graph(twists)
        self.blocks = nn.ModuleList(HypoBlock(config, within_hops(graph, hops)) for hops in config.reach)
        self.register_buffer("order", index_embedding(len(graph), config.width), persistent=False)
        self.register_buffer("place", place_embedding(*memory_hw, config.width), persistent=False)

    def forward(self, x: Tensor, memory: Tensor) -> Tensor:
        """x (b, n, t, d), memory (b, m, d). Returns (b, n, t, d)."""
        for block in self.blocks:
            x = block(x, self.order, memory, self.place)
        return x


class MaskedLinear(nn.Linear):
    """Each output looks at the inputs that ``mask`` (out, in) says; released checkpoints hold masked weights."""

    mask: Tensor

    def __init__(self, mask: Tensor) -> None:
        super().__init__(mask.shape[1], mask.shape[0])
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, self.weight * self.mask, self.bias)


class MaskedTokens(nn.Module):
    """Coordinates of all tokens to one feature a token, each from tokens within two hops: (…, t c) to (…, t, width)."""

    def __init__(self, coordinates: int, width: int, near: Tensor, dropout: float = 0.25) -> None:
        super().__init__()
        self.linear = MaskedLinear(near.float().repeat_interleave(width, 0).repeat_interleave(coordinates, 1))
        self.norm = nn.GroupNorm(32, len(near) * width)
        self.dropout = nn.Dropout(dropout)
        self.width = width

    def forward(self, x: Tensor) -> Tensor:
        out = nn.functional.leaky_relu(self.norm(self.linear(x).flatten(0, -2)), 0.2)
        return self.dropout(out).view(*x.shape[:-1], -1, self.width)
