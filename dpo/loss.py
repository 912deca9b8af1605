"""Losses of preference optimisation for a diffusion model: equations only.

An *error* is the squared error of a network's prediction for one sample, averaged over the dimensions of the packed state,
at the same timestep and with the same noise for winner and loser. log p is replaced by -error up to a factor (Wallace et
al. 2024), so the implicit reward of a sample is beta * (reference error - policy error). ADHMR's equation 5 sums over the
dimensions and has the factor T omega(lambda); with a mean over D dimensions our beta is T * omega * D times theirs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid


@dataclass(frozen=True)
class PairErrors:
    """Errors of policy and reference on winners and losers, each (p,).

    parts: the same of parts of the state, where they are told apart.
    """

    policy_winner: Tensor
    policy_loser: Tensor
    reference_winner: Tensor
    reference_loser: Tensor
    parts: PartErrors | None = None

    def rewards(self, beta: float) -> tuple[Tensor, Tensor]:
        """Implicit rewards of winners and losers in nats."""
        return (
            beta * (self.reference_winner - self.policy_winner),
            beta * (self.reference_loser - self.policy_loser),
        )

    def margin(self, beta: float) -> Tensor:
        winner, loser = self.rewards(beta)
        return winner - loser


@dataclass(frozen=True)
class PartErrors:
    """keypoints: averaged over 29 x 3 dimensions. twists: over 23 x 2. marked: of u and v of the 24 joints alone, which are what
    pseudo-labels in the picture say, but divided by 29 x 3 as well."""

    keypoints: PairErrors
    twists: PairErrors
    marked: PairErrors


def diffusion_dpo_loss(errors: PairErrors, beta: float) -> Tensor:
    """ADHMR equation 5 (Wallace et al. 2024, eq. 14), one logistic term a pair: (p,). log 2 where policy = reference."""
    return -logsigmoid(errors.margin(beta))


def hinge_loss(errors: PairErrors, beta: float) -> Tensor:
    """SLiC (Zhao et al. 2023): (p,). Pairs whose margin is above one nat teach nothing any more."""
    return torch.relu(1 - errors.margin(beta))


def ipo_loss(errors: PairErrors, beta: float) -> Tensor:
    """IPO (Azar et al. 2024, eq. 17) times beta squared, so that its step size does not depend on beta: (p,). The margin is
    driven to half a nat and no further."""
    return (errors.margin(beta) - 0.5).square()


def robust_loss(errors: PairErrors, beta: float, label_smoothing: float) -> Tensor:
    """Robust DPO (Ray Chowdhury et al. 2024): unbiased when a share ``label_smoothing`` < 0.5 of the pairs is swapped: (p,)."""
    margin = errors.margin(beta)
    noisy = (1 - label_smoothing) * logsigmoid(margin) - label_smoothing * logsigmoid(-margin)
    return -noisy / (1 - 2 * label_smoothing)


def exo_pair_loss(errors: PairErrors, beta: float, label_smoothing: float) -> Tensor:
    """EXO (Ji et al. 2024, eq. 16): KL of the policy's preference from one that is wrong with ``label_smoothing`` > 0: (p,)."""
    margin = errors.margin(beta)
    log_winner, log_loser = logsigmoid(margin), logsigmoid(-margin)
    return log_winner.exp() * (log_winner - math.log1p(-label_smoothing)) + log_loser.exp() * (
        log_loser - math.log(label_smoothing)
    )


def apo_zero_loss(errors: PairErrors, beta: float) -> Tensor:
    """APO (D'Oosterlinck et al. 2024, eq. 7): winners become likelier and losers less likely, each by itself: (p,)."""
    winner, loser = errors.rewards(beta)
    return 1 - winner.sigmoid() + loser.sigmoid()


def apo_down_loss(errors: PairErrors, beta: float) -> Tensor:
    """APO (D'Oosterlinck et al. 2024, eq. 8), for winners worse than the policy's own: both less likely, losers more so: (p,)."""
    winner, loser = errors.rewards(beta)
    return winner.sigmoid() + 1 - (winner - loser).sigmoid()


def kto_loss(reward: Tensor, desirable: Tensor, anchor: Tensor) -> Tensor:
    """KTO (Ethayarajh et al. 2024, eq. 8) for samples that are good or bad, each by itself: (s,).

    reward (s,): beta * (reference error - policy error). desirable (s,): bool. anchor: the mean reward of a batch (of the step
    before), not below zero and without gradient, which stands for the divergence of policy and reference.
    """
    sign = torch.where(desirable, 1.0, -1.0)
    return 1 - (sign * (reward - anchor)).sigmoid()


def kto_pair_loss(errors: PairErrors, beta: float, anchor: Tensor) -> Tensor:
    """``kto_loss`` of winners and losers, which need not belong together: the mean of the two, (p,).

    anchor: a scalar that is the same for every part of a batch, or accumulation and processes would change the loss.
    """
    winner, loser = errors.rewards(beta)
    both = torch.cat([winner, loser])
    desirable = torch.arange(len(both), device=both.device) < len(winner)
    anchor = anchor.clamp_min(0).detach()
    return 0.5 * kto_loss(both, desirable, anchor).unflatten(0, (2, -1)).sum(0)


def winner_sft_loss(errors: PairErrors, beta: float) -> Tensor:
    """Supervised finetuning on the winners, scaled so that at the start its gradient is the winner's part of DPO's: (p,)."""
    return 0.5 * beta * errors.policy_winner


def released_dpo_loss(joints: PairErrors, twists: PairErrors, beta: float) -> Tensor:
    """The loss of the released ADHMR code (lib/models/loss.py), which is not the paper's: joints and twists in separate logistic
    terms, and a factor one half: (p,). Errors are means over 29 x 3 and 23 x 2 dimensions after visibility masks (denominators
    not reduced). 2 log 2 where policy = reference."""
    return -logsigmoid(joints.margin(0.5 * beta)) - logsigmoid(twists.margin(0.5 * beta))


def released_marked_dpo_loss(marked: PairErrors, beta: float) -> Tensor:
    """The same as the released code has it on InstaVariety, whose masks leave u and v of the 24 joints: depths, leaf points and
    twists teach nothing there, and the twists' term is log 2 (lib/dataset/dpo_dataset.py): (p,)."""
    return math.log(2) - logsigmoid(marked.margin(0.5 * beta))


def released_sft_loss(squared_error_2d: Tensor, squared_error_shape: Tensor, joints: Tensor, twists: Tensor) -> Tensor:
    """The base training loss of the released code: errors summed over their dimensions, (b, …) each, 40 times for the branch's 2D
    keypoints (10 on Human3.6M) and 10 times for its betas; the predicted noise's for joints and twists as they are."""
    parts = (40 * squared_error_2d, 10 * squared_error_shape, joints, twists)
    return torch.stack([part.flatten(1).sum(1).mean() for part in parts]).sum()


def preference_logs(errors: PairErrors, beta: float) -> dict[str, Tensor]:
    """What TRL logs, by TRL's names, and the two errors apart: both rising is likelihood displacement."""
    winner, loser = errors.rewards(beta)
    return {
        "rewards/chosen": winner.mean(),
        "rewards/rejected": loser.mean(),
        "rewards/margins": (winner - loser).mean(),
        "rewards/accuracies": ((winner > loser).float() + 0.5 * (winner == loser).float()).mean(),
        "errors/chosen_above_reference": (errors.policy_winner - errors.reference_winner).mean(),
        "errors/rejected_above_reference": (errors.policy_loser - errors.reference_loser).mean(),
    }


def energy_score_reward(expected_error_mm: Tensor, mean_distance_mm: Tensor, diversity: float) -> Tensor:
    """The marginal part of a sample in the (negative) energy score: -e + diversity * mean distance to the other samples.

    expected_error_mm, mean_distance_mm: (b, n). Rewarding the score alone (diversity 0) pays for contraction; the energy
    score itself has diversity 1 for exact errors, and noisy ones need less.
    """
    return -expected_error_mm + diversity * mean_distance_mm
