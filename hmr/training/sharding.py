"""Networks whose parameters are dealt out to the processes (PyTorch's FSDP2): their state as one process would have it, and the
plain network again when training is over.

Accelerate shards on GPUs only; this is torch's own ``fully_shard``, which two processes on a CPU can be tested with.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

_WHOLE = StateDictOptions(full_state_dict=True, cpu_offload=True)
_HOOKS = ("_forward_pre_hooks", "_forward_pre_hooks_with_kwargs", "_forward_hooks", "_forward_hooks_with_kwargs",
          "_forward_hooks_always_called", "_backward_hooks", "_state_dict_hooks", "_state_dict_pre_hooks",
          "_load_state_dict_pre_hooks")  # fmt: skip


def deal_out(network: nn.Module, device: torch.device, min_parameters: int = 1_000_000) -> None:
    """In place. Each entry of a list of layers with so many parameters is gathered by itself in its turn, the rest together.

    Every process must call it, with the same weights. The optimiser must be made afterwards.
    """
    mesh = init_device_mesh(device.type, (torch.distributed.get_world_size(),))
    for module in list(network.modules()):
        if isinstance(module, nn.ModuleList | nn.Sequential):
            for layer in module:
                if sum(p.numel() for p in layer.parameters()) >= min_parameters:
                    fully_shard(layer, mesh=mesh)
    fully_shard(network, mesh=mesh)


def is_sharded(network: nn.Module) -> bool:
    return any(isinstance(p, DTensor) for p in network.parameters())


def whole(tensor: Tensor) -> Tensor:
    """All of a tensor, on every process. Collective: all processes call it."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def dealt_like(tensor: Tensor, like: Tensor) -> Tensor:
    """A whole tensor, dealt out as ``like`` is."""
    if not isinstance(like, DTensor):
        return tensor
    return distribute_tensor(tensor.to(like.device), like.device_mesh, like.placements)


def whole_states(network: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[dict[str, Any], dict[str, Any]]:
    """The network's and the optimiser's state, whole, in the first process. Collective: all processes call it."""
    return get_model_state_dict(network, options=_WHOLE), get_optimizer_state_dict(network, optimizer, options=_WHOLE)


def load_whole_states(
    network: nn.Module, optimizer: torch.optim.Optimizer, model_state: dict[str, Any], optimizer_state: dict[str, Any]
) -> None:
    """The way back; every process holds the whole states."""
    set_model_state_dict(network, model_state, options=StateDictOptions(full_state_dict=True))
    # A parameter that no loss has used yet has no optimiser state.
    loose = StateDictOptions(full_state_dict=True, strict=False)
    set_optimizer_state_dict(network, optimizer, optimizer_state, options=loose)


@dataclass(frozen=True)
class BeforeSharding:
    """What sharding changes in a network, to be undone: the class and the hooks of each of its modules."""

    modules: tuple[tuple[nn.Module, type, dict[str, dict]], ...]

    @classmethod
    def of(cls, network: nn.Module) -> BeforeSharding:
        return cls(tuple((m, type(m), {name: dict(getattr(m, name)) for name in _HOOKS}) for m in network.modules()))

    def restore(self) -> None:
        """Every process gets the plain network with whole parameters. Collective: all processes call it."""
        for module, kind, hooks in self.modules:
            for name, parameter in list(module._parameters.items()):
                if isinstance(parameter, DTensor):
                    module._parameters[name] = nn.Parameter(
                        parameter.full_tensor().detach().clone(), requires_grad=parameter.requires_grad
                    )
            module.__class__ = kind
            for name, before in hooks.items():
                now = getattr(module, name)
                for key in [key for key in now if key not in before]:
                    del now[key]


def whole_list(tensors: Iterable[Tensor]) -> list[Tensor]:
    """Of averaged weights. Collective: all processes call it."""
    return [whole(t).detach().cpu() for t in tensors]
