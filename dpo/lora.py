"""Low-rank adapters (Hu et al. 2022) on a denoiser's linear layers, through peft: fewer weights to train and to keep."""

from __future__ import annotations

import copy
from collections.abc import Mapping

from torch import Tensor, nn

_UNDER, _LAST = ".base_layer.", ".lora_B."


def add_lora(network: nn.Module, rank: int) -> None:
    """In place: every linear layer gets an adapter that starts at nothing; all other weights are frozen.

    Raises ValueError when peft is not installed, or for a rank below one.
    """
    if rank < 1:
        raise ValueError(f"expected a LoRA rank of at least 1, got {rank}")
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError:
        raise ValueError("LoRA needs peft: pip install -e '.[lora]'") from None
    names = [name for name, module in network.named_modules() if isinstance(module, nn.Linear)]
    inject_adapter_in_model(LoraConfig(r=rank, lora_alpha=rank, target_modules=names), network)


def merge_lora(network: nn.Module) -> None:
    """In place: the adapters become part of the weights, and the network is as it was before ``add_lora``, names and all."""
    from peft.tuners.lora import LoraLayer

    for name, module in list(network.named_modules()):
        if isinstance(module, LoraLayer):
            module.merge()  # pyright: ignore[reportCallIssue]
            parent, _, child = name.rpartition(".")
            setattr(network.get_submodule(parent), child, module.base_layer)
    network.requires_grad_(True)


def merged_state(network: nn.Module) -> dict[str, Tensor]:
    """Copy of the weights on the CPU, as ``merge_lora`` would leave them where there are adapters; the network stays as it is."""
    if any(_UNDER in name for name, _ in network.named_parameters()):
        network = copy.deepcopy(network)
        merge_lora(network)
    return {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}


def load_merged(network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Inverse of ``merged_state``, in place; adapters that are there start at nothing again."""
    filled = {}
    for name, value in network.state_dict().items():
        if ".lora_" in name:
            filled[name] = value * 0 if _LAST in name else value
        else:
            filled[name] = weights[name.replace(_UNDER, ".")]
    network.load_state_dict(filled)
