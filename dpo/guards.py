"""When to stop preference optimisation: rules over what was seen of the policy so far. Each says why, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dpo.config import GuardConfig


@dataclass(frozen=True)
class Checkup:
    """The policy on validation pictures after ``step`` steps; None where there is nothing to know it from.

    energy_score_mm, mean_sample_mm: against labels. spread_mm: among a picture's samples. reward: mean of the judge that trains.
    held_out_reward: mean of another judge, that does not. margin: mean margin of the training pairs since the last checkup, in
    nats. winner_above_reference: mean error of winners minus the reference's, since then.
    """

    step: int
    spread_mm: float
    reward: float
    energy_score_mm: float | None = None
    mean_sample_mm: float | None = None
    held_out_reward: float | None = None
    margin: float | None = None
    winner_above_reference: float | None = None


Guard = Callable[[Sequence[Checkup], GuardConfig], str | None]


def _last(history: Sequence[Checkup], count: int) -> Sequence[Checkup]:
    return history[-count:] if len(history) > count else ()


def energy_score_up(history: Sequence[Checkup], config: GuardConfig) -> str | None:
    base = history[0].energy_score_mm
    late = [c.energy_score_mm for c in _last(history, config.patience)]
    if base is None or not late or any(x is None or x <= base for x in late):
        return None
    return (
        f"the energy score on validation is above the base's ({base:.1f} mm): {', '.join(f'{x:.1f}' for x in late)} mm"
    )


def mean_sample_not_down(history: Sequence[Checkup], config: GuardConfig) -> str | None:
    base = history[0].mean_sample_mm
    late = [c.mean_sample_mm for c in history[config.warm_up :]]
    if base is None or not late or any(x is None or x < base for x in late):
        return None
    return f"after {history[-1].step} steps the mean sample is no better than the base's ({late[-1]:.1f} against {base:.1f} mm)"


def spread_lost(history: Sequence[Checkup], config: GuardConfig) -> str | None:
    share = history[-1].spread_mm / history[0].spread_mm if history[0].spread_mm > 0 else 1.0
    if share >= config.min_spread:
        return None
    return f"{share:.2f} of the base's spread is left, less than {config.min_spread:g}: samples collapse; raise beta or diversity"


def margins_too_large(history: Sequence[Checkup], config: GuardConfig) -> str | None:
    return margin_too_large(history[-1].margin, config)


def margin_too_large(margin: float | None, config: GuardConfig) -> str | None:
    """margin: in nats, over some steps; it needs no validation, so every run is told."""
    if margin is None or margin <= config.max_margin:
        return None
    return (
        f"pairs are told apart by {margin:.1f} nats, more than {config.max_margin:g}: over-optimised; lower beta or lr"
    )


def winners_worse_than_reference(history: Sequence[Checkup], config: GuardConfig) -> str | None:
    late = [c.winner_above_reference for c in _last(history, config.patience)]
    if not late or any(x is None or x <= 0 for x in late):
        return None
    return "winners have become less likely than under the reference (likelihood displacement); add loss_type sft, or lower lr"


def held_out_judge_falls(history: Sequence[Checkup], config: GuardConfig) -> str | None:
    late = _last(history, config.patience)
    first = history[0]
    if first.held_out_reward is None or not late:
        return None
    if any(
        c.held_out_reward is None or c.held_out_reward >= first.held_out_reward or c.reward <= first.reward
        for c in late
    ):
        return None
    return (
        f"the reward rises ({first.reward:.2f} to {history[-1].reward:.2f}) while a judge that does not train falls "
        f"({first.held_out_reward:.2f} to {history[-1].held_out_reward:.2f}): the scorer is being exploited"
    )


GUARDS: tuple[Guard, ...] = (
    energy_score_up,
    mean_sample_not_down,
    spread_lost,
    margins_too_large,
    winners_worse_than_reference,
    held_out_judge_falls,
)


def consensus_does_as_well(history: Sequence[Checkup], control: Sequence[Checkup], config: GuardConfig) -> str | None:
    """``control``: checkups of a run on consensus pairs, which know nothing of the picture. Where those lower the energy score as
    much, the scorer adds nothing."""
    at = {c.step: c.energy_score_mm for c in control}
    late = [(c.energy_score_mm, at.get(c.step)) for c in _last(history, config.patience)]
    if not late or any(x is None or y is None or x < y for x, y in late):
        return None
    return (
        f"consensus pairs do as well after {history[-1].step} steps ({late[-1][1]:.1f} mm against {late[-1][0]:.1f} mm)"
    )


def first_reason(history: Sequence[Checkup], control: Sequence[Checkup], config: GuardConfig) -> str | None:
    """Why to stop, or None. history begins with the base (step 0)."""
    if len(history) < 2:
        return None
    reasons = [guard(history, config) for guard in GUARDS]
    if control:
        reasons.append(consensus_does_as_well(history, control, config))
    return next((reason for reason in reasons if reason is not None), None)
