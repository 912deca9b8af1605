"""The released scorers' names to ours."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from hmr.networks.hrnet_branch import hrnet_branch_from_released
from hmr.networks.released import DECODER, Renames, fill, renamed
from scorer.released.hmr_scorer import ReleasedHmrScorer, ReleasedHmrScorerConfig
from scorer.released.score_net import ReleasedScoreNet, ReleasedScoreNetConfig
from scorer.released.score_net_scorer import ReleasedScoreNetScorer, ReleasedScoreNetScorerConfig

_BLOCK: Renames = (*DECODER, (r"linear_mlp\.", "head."))
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


def score_net_scorer_from_released(
    score_net: Mapping[str, Tensor], branch: Mapping[str, Tensor]
) -> ReleasedScoreNetScorer:
    """Both networks of a checkpoint (``model_score`` and ``model_score_cond``) as one scorer."""
    parts = hrnet_branch_from_released(branch), score_net_from_released(score_net)
    scorer = ReleasedScoreNetScorer(ReleasedScoreNetScorerConfig(branch=parts[0].config, score_net=parts[1].config))
    scorer.branch, scorer.score_net = parts
    return scorer.eval()
