"""The heads of the released HMR-Scorer and ScoreNet: tokens to a raw score."""

from __future__ import annotations

from torch import nn


def score_head(tokens: int, width: int, *, two_layers: bool) -> nn.Sequential:
    """(b, tokens x width) to (b, 1). HMR-Scorer ends in two linear layers with nothing between them, ScoreNet in one."""
    last = [nn.Linear(1024, 256), nn.Linear(256, 1)] if two_layers else [nn.Linear(1024, 1)]
    return nn.Sequential(
        nn.Linear(tokens * width, 1024), nn.GroupNorm(32, 1024), nn.LeakyReLU(0.2), nn.Dropout(0.25), *last
    )
