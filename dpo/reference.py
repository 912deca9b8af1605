"""The reference of preference optimisation: a frozen copy of the policy that stays, or follows it."""

from __future__ import annotations

import os
from typing import TypeVar

import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module)


def frozen_copy(network: Network) -> Network:
    """A reference that never trains (TRL's way of making one)."""
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    from trl.experimental.utils import create_reference_model  # slow to import

    return create_reference_model(network)  # pyright: ignore[reportArgumentType, reportReturnType]


@torch.no_grad()
def follow(reference: nn.Module, policy: nn.Module, alpha: float) -> None:
    """reference := alpha * policy + (1 - alpha) * reference (Gorbatovski et al. 2024; TRL's ``ref_model_mixup_alpha``)."""
    for kept, new in zip(reference.parameters(), policy.parameters(), strict=True):
        kept.lerp_(new.detach(), alpha)
