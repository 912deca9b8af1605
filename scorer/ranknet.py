"""RankNet losses (Burges et al. 2005) as in ADHMR section 4.2, equations 2 and 3.

Symbols: s_m -> score, Q_m -> error, y_mn = 1 if Q_m < Q_n, s_mn = sigmoid(s_m - s_n).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

from hmr.skeleton import PARTS


def pair_loss(score_m: Tensor, score_n: Tensor, error_m: Tensor, error_n: Tensor) -> Tensor:
    """Equation 2 for each pair (...): the cross-entropy of s_mn against y_mn. Equal errors are no preference (y = 1/2)."""
    y = 0.5 * (1 + torch.sign(error_n - error_m))
    difference = score_m - score_n
    return softplus(difference) - y * difference


def ranknet_loss(score: Tensor, errors: Tensor) -> Tensor:
    """Equation 3: all pairs of hypotheses of a picture, summed over the quality measures, averaged over pairs.

    score (b, n), errors (b, n, q). Raises ValueError for fewer than two hypotheses, where there is nothing to rank.
    """
    n = score.shape[1]
    if n < 2:
        raise ValueError(f"ranking needs at least two hypotheses of a picture, got {n}")
    i, j = torch.triu_indices(n, n, 1)
    losses = pair_loss(score[:, i, None], score[:, j, None], errors[:, i], errors[:, j])
    return losses.sum(-1).mean()


def part_ranknet_loss(log_displacement: Tensor, displacement_mm: Tensor) -> Tensor:
    """Equation 3 for each part of the body: of two hypotheses, whose left arm is further off?

    log_displacement, displacement_mm (b, n, 29): what is said, and what is so. A part's score is minus the mean of the
    logarithms over its keypoints, its error the mean displacement; averaged over pairs and parts.
    """
    score = torch.stack([-log_displacement[..., list(places)].mean(-1) for places in PARTS.values()], -1)
    error = torch.stack([displacement_mm[..., list(places)].mean(-1) for places in PARTS.values()], -1)
    i, j = torch.triu_indices(score.shape[1], score.shape[1], 1)
    return pair_loss(score[:, i], score[:, j], error[:, i], error[:, j]).mean()


def gross_loss(log_odds: Tensor, worst_mm: Tensor, gross_mm: float, softness_mm: float = 25.0) -> Tensor:
    """Cross-entropy of the odds (b, n) that the worst keypoint is more than ``gross_mm`` off; soft around that bound."""
    target = torch.sigmoid((worst_mm - gross_mm) / softness_mm)
    return binary_cross_entropy_with_logits(log_odds, target)


def displacement_loss(log_displacement: Tensor, displacement_mm: Tensor, floor_mm: float = 20.0) -> Tensor:
    """Absolute error of the logarithm of each keypoint's displacement, (b, n, 29) both; below ``floor_mm`` all is well."""
    return (log_displacement - displacement_mm.clamp_min(floor_mm).log()).abs().mean()
