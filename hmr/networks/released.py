"""Released checkpoints: read without running anything in them, their names turned into ours, nothing left over.

Every name of a checkpoint must be known, and every weight of ours must be filled; anything else is an error that lists them.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from hmr.networks.checkpoint import misfits

#: Regular expressions over released names and what replaces them; an empty replacement drops a name on purpose.
Renames = tuple[tuple[str, str], ...]

#: Names that HypoNet, ScoreNet and HMR-Scorer share: the decoder's blocks and the keypoints' first layer.
DECODER: Renames = (
    (r"blocks\.(\d+)\.self_attn\.", r"decoder.blocks.\1.self_attention."),
    (r"blocks\.(\d+)\.multihead_attn\.", r"decoder.blocks.\1.cross_attention."),
    (r"blocks\.(\d+)\.linear1\.", r"decoder.blocks.\1.ffn_in."),
    (r"blocks\.(\d+)\.linear2\.", r"decoder.blocks.\1.ffn_out."),
    (r"blocks\.(\d+)\.norm1\.", r"decoder.blocks.\1.norm_self."),
    (r"blocks\.(\d+)\.norm2\.", r"decoder.blocks.\1.norm_cross."),
    (r"blocks\.(\d+)\.norm3\.", r"decoder.blocks.\1.norm_ffn."),
    (r"linear_start_j\.", "keypoints_in.linear."),
    (r"bn_start_j\.", "keypoints_in.norm."),
)

_BUFFER = re.compile(r"(running_mean|running_var|num_batches_tracked|init_shape)$")


def renamed(weights: Mapping[str, Tensor], renames: Renames) -> dict[str, Tensor]:
    """The same tensors under our names. Raises ValueError that lists every name no rule matches."""
    out, unknown = {}, []
    for name, tensor in weights.items():
        plain = name.removeprefix("module.")
        for pattern, replacement in renames:
            if re.match(pattern, plain):
                if replacement:
                    out[re.sub(f"^{pattern}", replacement, plain)] = tensor
                break
        else:
            unknown.append(name)
    if unknown:
        raise ValueError(f"the checkpoint has {len(unknown)} names that are not known: {', '.join(unknown)}")
    return out


def fill(network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Load all of ``weights``. Raises ValueError that lists what is missing, left over, or of another shape."""
    own = network.state_dict()
    missing, left, misshapen = misfits(network, weights)
    shapes = [f"{k} {tuple(weights[k].shape)}, expected {tuple(own[k].shape)}" for k in misshapen]
    if missing or left or shapes:
        raise ValueError(f"the checkpoint does not fit: missing {missing}; left over {left}; of another shape {shapes}")
    network.load_state_dict(dict(weights))


def read_released(path: Path, entry: str, names_of: str) -> dict[str, Tensor]:
    """The weights under ``entry`` of a released file; a ``module.`` prefix is left to ``renamed``.

    Averaged weights (a list ``shadow_params``) have no names of their own: they are the parameters of the entry ``names_of``, in
    its order; what is no parameter there (running statistics, the mean shape) is taken from it as it is.
    Raises ValueError: no such file, not a torch file, content that would need code to be run, or no such entry.
    """
    if not path.is_file():
        raise ValueError(f"{path}: expected a released checkpoint, there is no such file")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        first = str(error).splitlines()[0]
        raise ValueError(
            f"{path}: refused, it is no plain torch checkpoint of tensors ({first}); reading it could run code"
        ) from None
    if not isinstance(content, dict) or entry not in content:
        had = sorted(content)[:8] if isinstance(content, dict) else type(content).__name__
        raise ValueError(f"{path}: expected an entry '{entry}', found {had}")
    weights = dict(content[entry])
    averaged = weights.get("shadow_params")
    if averaged is None:
        return weights
    plain = dict(content.get(names_of, {}))
    names = [name for name in plain if not _BUFFER.search(name)]
    if len(names) != len(averaged):
        raise ValueError(f"{path}: '{entry}' has {len(averaged)} averaged weights, '{names_of}' names {len(names)}")
    return {**plain, **dict(zip(names, averaged, strict=True))}
