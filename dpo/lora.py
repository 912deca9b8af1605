"""Low-rank adapters (Hu et al. 2022) on a denoiser's linear layers: fewer weights to train and to keep.

Through peft, which puts a layer beside a layer. Weights that no layer of their own multiplies (attention's in one matrix, masked
ones; the released LoRA is of the former) are the sum of what they were and the adapter instead.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn.utils import parametrize

_UNDER, _LAST, _SUM = ".base_layer.", ".lora_B", ".parametrizations."


class _Adapted(nn.Module):
    """A weight (out, in) plus a matrix of low rank that starts at nothing."""

    def __init__(self, weight: Tensor, rank: int) -> None:
        super().__init__()
        self.lora_A = nn.Parameter(weight.new_empty(rank, weight.shape[1]))
        self.lora_B = nn.Parameter(weight.new_zeros(weight.shape[0], rank))
        nn.init.kaiming_uniform_(self.lora_A, a=math.sqrt(5))

    def forward(self, weight: Tensor) -> Tensor:
        return weight + self.lora_B @ self.lora_A


def _bare_weights(network: nn.Module) -> list[tuple[nn.Module, str]]:
    """Weights of linear maps that are not simply a layer's, and where they are."""
    bare = []
    for module in network.modules():
        if isinstance(module, nn.MultiheadAttention):
            bare.append((module, "in_proj_weight"))
        elif isinstance(module, nn.Linear) and type(module) is not nn.Linear:
            bare.append((module, "weight"))
    return bare


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
    names, bare = (
        [name for name, module in network.named_modules() if type(module) is nn.Linear],
        _bare_weights(network),
    )
    inject_adapter_in_model(LoraConfig(r=rank, lora_alpha=rank, target_modules=names), network)
    for module, name in bare:
        weight: Tensor = getattr(module, name)
        parametrize.register_parametrization(module, name, _Adapted(weight, rank).to(weight.device))


def merge_lora(network: nn.Module) -> None:
    """In place: the adapters become part of the weights, and the network is as it was before ``add_lora``, names and all.

    Deep copies that were made of it with its adapters (a reference) are not to be used after that: torch has one class for all.
    """
    from peft.tuners.lora import LoraLayer

    for name, module in list(network.named_modules()):
        if isinstance(module, LoraLayer):
            module.merge()  # pyright: ignore[reportCallIssue]
            parent, _, child = name.rpartition(".")
            setattr(network.get_submodule(parent), child, module.base_layer)
        elif parametrize.is_parametrized(module):
            for weight in list(module.parametrizations):  # pyright: ignore[reportArgumentType]
                parametrize.remove_parametrizations(module, weight)
    network.requires_grad_(True)


def _plain_name(name: str) -> str:
    """Of a weight with an adapter: what it is called without."""
    if _SUM in name:
        name = name.replace(_SUM, ".").removesuffix(".original")
    return name.replace(_UNDER, ".")


def merged_state(network: nn.Module) -> dict[str, Tensor]:
    """Copy of the weights on the CPU, as ``merge_lora`` would leave them where there are adapters; the network stays as it is."""
    merged = {_plain_name(name): value for name, value in network.state_dict().items() if ".lora_" not in name}
    for name, module in network.named_modules():
        for weight, value in _sums(module).items():
            merged[f"{name}.{weight}"] = value
    return {name: value.detach().cpu().clone() for name, value in merged.items()}


def _sums(module: nn.Module) -> dict[str, Tensor]:
    """Of a layer with an adapter: its weights, with what is learnt."""
    if hasattr(module, "get_delta_weight"):  # peft's layers
        [adapter] = module.active_adapters  # pyright: ignore[reportGeneralTypeIssues]
        return {"weight": module.base_layer.weight + module.get_delta_weight(adapter)}  # pyright: ignore[reportCallIssue, reportAttributeAccessIssue]
    if parametrize.is_parametrized(module):
        return {weight: getattr(module, weight) for weight in module.parametrizations}  # pyright: ignore[reportGeneralTypeIssues]
    return {}


def load_merged(network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Inverse of ``merged_state``, in place; adapters that are there start at nothing again."""
    filled = {}
    for name, value in network.state_dict().items():
        if ".lora_" in name:
            filled[name] = value * 0 if _LAST in name else value
        else:
            filled[name] = weights[_plain_name(name)]
    network.load_state_dict(filled)
