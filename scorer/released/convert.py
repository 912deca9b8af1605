"""From the released checkpoints' names to ours. Files are read with ``weights_only``, so nothing in them is run.

Every name of a checkpoint must be known, and every weight of ours must be filled; anything else is an error that lists them.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from scorer.released.hmr_scorer import ReleasedHmrScorer, ReleasedHmrScorerConfig
from scorer.released.score_net import ReleasedScoreNet, ReleasedScoreNetConfig

#: Regular expressions over released names and what replaces them; an empty replacement drops a name on purpose.
Renames = tuple[tuple[str, str], ...]

_BLOCK: Renames = (
    (r"blocks\.(\d+)\.self_attn\.", r"decoder.blocks.\1.self_attention."),
    (r"blocks\.(\d+)\.multihead_attn\.", r"decoder.blocks.\1.cross_attention."),
    (r"blocks\.(\d+)\.linear1\.", r"decoder.blocks.\1.ffn_in."),
    (r"blocks\.(\d+)\.linear2\.", r"decoder.blocks.\1.ffn_out."),
    (r"blocks\.(\d+)\.norm1\.", r"decoder.blocks.\1.norm_self."),
    (r"blocks\.(\d+)\.norm2\.", r"decoder.blocks.\1.norm_cross."),
    (r"blocks\.(\d+)\.norm3\.", r"decoder.blocks.\1.norm_ffn."),
    (r"linear_start_j\.", "keypoints_in.linear."),
    (r"bn_start_j\.", "keypoints_in.norm."),
    (r"linear_mlp\.", "head."),
)
HMR_SCORER: Renames = (
    *((rf"score_net\.{old}", new) for old, new in _BLOCK),
    (r"score_net\.(linear|bn)_start_t\..*", ""),  # of zero size: the released scorer has no twist tokens
    (r"score_net\.ctx_to_x_conv\.", "memory_in."),
    (r"score_net\.deconv\.", "deconvolve."),
    (r"encoder\.task_tokens", "encoder.reg_token"),
    (r"encoder\.last_norm\.", "encoder.norm."),
    (r"encoder\.(pos_embed|patch_embed\.|blocks\.)", r"encoder.\1"),
)
SCORE_NET: Renames = (
    *_BLOCK,
    (r"linear_start_t\.", "twists_in.linear."),
    (r"bn_start_t\.", "twists_in.norm."),
)


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
    missing, left = sorted(own.keys() - weights.keys()), sorted(weights.keys() - own.keys())
    shapes = [
        f"{k} {tuple(weights[k].shape)}, expected {tuple(own[k].shape)}"
        for k in own.keys() & weights.keys()
        if weights[k].shape != own[k].shape
    ]
    if missing or left or shapes:
        raise ValueError(f"the checkpoint does not fit: missing {missing}; left over {left}; of another shape {shapes}")
    network.load_state_dict(dict(weights))


def hmr_scorer_from_released(weights: Mapping[str, Tensor]) -> ReleasedHmrScorer:
    """From the content of ``network`` of a ``snapshot_*.pth.tar``."""
    ours = renamed(weights, HMR_SCORER)
    if (position := ours.get("encoder.pos_embed")) is not None:
        # Its class token's position is added to all patches, since the class token itself is gone.
        ours["encoder.pos_embed"] = position[:, 1:] + position[:, :1]
    scorer = ReleasedHmrScorer(ReleasedHmrScorerConfig())
    fill(scorer, ours)
    return scorer.eval()


def score_net_from_released(weights: Mapping[str, Tensor]) -> ReleasedScoreNet:
    """From the content of ``model_score`` (or ``ema_score``) of a ScoreHypo checkpoint."""
    network = ReleasedScoreNet(ReleasedScoreNetConfig())
    fill(network, renamed(weights, SCORE_NET))
    return network.eval()


#: What a released file is called here: the entry of its dictionary, and who converts that entry.
RELEASED = {
    "hmr-scorer": ("network", hmr_scorer_from_released),
    "score-net": ("model_score", score_net_from_released),
}


def read_released(path: Path, entry: str) -> dict[str, Tensor]:
    """The state dictionary under ``entry`` of a released file; a ``module.`` prefix is left to ``renamed``.

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
    return dict(content[entry])
