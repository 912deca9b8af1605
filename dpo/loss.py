"""Losses of preference optimisation for a diffusion model: equations only.

An *error* is the squared error of a network's prediction for one sample, averaged over the dimensions of the packed state,
at the same timestep and with the same noise for winner and loser. log p is replaced by -error up to a factor (Wallace et
al. 2024), so the implicit reward of a sample is beta * (reference error - policy error). ADHMR's equation 5 sums over the
dimensions and has the factor T omega(lambda); with a mean over D dimensions our beta is T * omega * D times theirs.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import logsigmoid


@dataclass(frozen=True)
class PairErrors:
    """Errors of policy and reference on winners and losers, each (p,)."""

    policy_winner: Tensor
    policy_loser: Tensor
    reference_winner: Tensor
    reference_loser: Tensor

    def rewards(self, beta: float) -> tuple[Tensor, Tensor]:
        """Implicit rewards of winners and losers in nats."""
        return (
            beta * (self.reference_winner - self.policy_winner),
            beta * (self.reference_loser - self.policy_loser),
        )

    def margin(self, beta: float) -> Tensor:
        winner, loser = self.rewards(beta)
        return winner - loser


def diffusion_dpo_loss(errors: PairErrors, beta: float) -> Tensor:
    """ADHMR equation 5 (Wallace et al. 2024, eq. 14), one logistic term a pair: (p,). log 2 where policy = reference."""
    return -logsigmoid(errors.margin(beta))


def winner_sft_loss(errors: PairErrors, beta: float) -> Tensor:
    """Supervised finetuning on the winners, scaled so that at the start its gradient is the winner's part of DPO's: (p,)."""
    return 0.5 * beta * errors.policy_winner


def released_dpo_loss(joints: PairErrors, twists: PairErrors, beta: float) -> Tensor:
    """The loss of the released ADHMR code, which is not the paper's: joints and twists in separate logistic terms, and a
    factor one half. Errors are means over 29 x 3 and 23 x 2 dimensions after visibility masks (denominators not reduced)."""
    return (-logsigmoid(joints.margin(0.5 * beta))).mean() + (-logsigmoid(twists.margin(0.5 * beta))).mean()


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
