"""Preference optimisation of the denoiser on cached features of the frozen image branch (ADHMR section 4.4).

The policy starts as a copy of the base. Every ``refresh_every`` steps fresh candidates are drawn from the policy, judged and
paired; every ``ref_model_sync_steps`` the reference follows the policy. Exact labels of the source domain can be replayed beside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from diffusion_hmr.denoiser import Denoiser
from diffusion_hmr.generator import Generator
from diffusion_hmr.schedule import NUM_TIMESTEPS
from diffusion_hmr.train import prediction_error
from dpo.config import AlignConfig, TimestepWeighting
from dpo.family import pair_loss
from dpo.lora import add_lora, merge_lora
from dpo.loss import PairErrors, preference_logs
from dpo.pairs import PreferencePairs
from dpo.reference import follow, frozen_copy
from dpo.timesteps import timestep_weights
from hmr.networks.image_branch import Conditions
from hmr.training.batch_random import BatchRandom
from hmr.training.fit import Hooks, Report, fit

#: Rows of the unlabelled set, and a seed, to pairs whose keys are those rows' keys.
PairMaker = Callable[[Generator, Tensor, int], PreferencePairs]
#: Called before each step with its number; may raise to stop the run.
Watch = Callable[[int], None]


@dataclass(frozen=True)
class Replay:
    """Exactly labelled pictures that keep the policy where it was right: conditions and packed states (n, 133)."""

    conditions: Conditions
    states: Tensor


def pair_errors(
    policy: Denoiser,
    reference: Denoiser,
    conditions: Conditions,
    winner: Tensor,
    loser: Tensor,
    random: BatchRandom,
    weighting: TimestepWeighting = "uniform",
) -> PairErrors:
    """Errors at one timestep and with one noise for winner and loser (p, 133), policy and reference alike."""
    states = torch.stack([winner, loser], 1)
    x_0 = policy.normalised(states, conditions)
    noise = random.normal(len(x_0), 1, x_0.shape[-1]).expand_as(x_0)
    t = random.integers(NUM_TIMESTEPS, len(x_0), 1).expand(-1, 2)
    of_policy = prediction_error(policy, x_0, noise, t, conditions)
    # The reference's parameters are frozen, so no graph is built; under no_grad another attention kernel would be taken, and
    # equal networks would not give equal errors.
    of_reference = prediction_error(reference, x_0, noise, t, conditions)
    weight = timestep_weights(weighting, t[:, 0]).to(of_policy.device)
    return PairErrors(*(weight * error for error in (*of_policy.unbind(1), *of_reference.unbind(1))))


def replay_error(policy: Denoiser, replay: Replay, count: int, random: BatchRandom) -> Tensor:
    """The base's own training error on a random batch of ``count`` replayed labels."""
    device = policy.residual_std.device
    rows = random.integers(len(replay.states), count).cpu()
    conditions = replay.conditions[rows].map(lambda x: x.to(device))
    x_0 = policy.normalised(replay.states[rows, None].to(device), conditions)
    noise = random.normal(*x_0.shape)
    t = random.integers(NUM_TIMESTEPS, count, 1)
    return prediction_error(policy, x_0, noise, t, conditions).mean()


class _Rounds:
    """The pairs and the reference of the current round."""

    def __init__(
        self, generator: Generator, keys: tuple[str, ...], make_pairs: PairMaker, config: AlignConfig, seed: int
    ):
        self.generator, self.make_pairs, self.config, self.seed = generator, make_pairs, config, seed
        self.keys, self.place = keys, {key: i for i, key in enumerate(keys)}
        self.reference: Denoiser = frozen_copy(generator.denoiser)
        self.winner, self.loser = torch.empty(0), torch.empty(0)
        self.picture = torch.empty(0, dtype=torch.long)

    def state_dict(self) -> dict[str, Any]:
        return {
            "reference": self.reference.state_dict(),
            "winner": self.winner,
            "loser": self.loser,
            "picture": self.picture,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.reference.load_state_dict(state["reference"])
        self.winner, self.loser, self.picture = (state[name].cpu() for name in ("winner", "loser", "picture"))

    def before_step(self, step: int) -> None:
        config = self.config
        if step > 0 and step % config.ref_model_sync_steps == 0:
            follow(self.reference, self.generator.denoiser, config.ref_model_mixup_alpha)
        if step % config.refresh_every == 0:
            self.refresh(self.seed * 101 + step)
        self.generator.denoiser.train()

    def refresh(self, round_seed: int) -> None:
        shuffle = torch.Generator().manual_seed(round_seed)
        rows = torch.randperm(len(self.keys), generator=shuffle)[: self.config.pictures_per_round]
        pairs = self.make_pairs(self.generator, rows, round_seed)
        if len(pairs) == 0:
            raise ValueError("no picture gave a pair: all rewards are equal; is the scorer trained?")
        self.picture = torch.tensor([self.place[key] for key in pairs.key])
        self.winner, self.loser = pairs.winner, pairs.loser

    def rows(self, rows: Tensor) -> Tensor:
        """Rows of a full round to rows of this one, which can have fewer pairs."""
        return rows % len(self.picture)

    def describe(self, rows: Tensor) -> str:
        named = [self.keys[i] for i in self.picture[self.rows(rows)].tolist()]
        return f"pairs of {', '.join(named[:5])} and {max(len(named) - 5, 0)} more"


def align(
    generator: Generator,
    conditions: Conditions,
    keys: tuple[str, ...],
    make_pairs: PairMaker,
    config: AlignConfig,
    seed: int,
    report: Report,
    replay: Replay | None = None,
    state_folder: Path | None = None,
    stop_at: int | None = None,
    watch: Watch | None = None,
) -> Generator:
    """Finetune ``generator.denoiser`` in place on unlabelled pictures (conditions and keys, one a picture).

    watch: looks at the policy as it goes (``dpo.guards``). Raises ValueError when no pair can be made or the loss is unknown,
    TrainingDivergedError when the loss is not finite.
    """
    policy = generator.denoiser
    device = policy.residual_std.device
    loss_of_pairs = pair_loss(config.loss_type, config.loss_weights, config.label_smoothing)
    if config.lora_rank:
        add_lora(policy, config.lora_rank)
    rounds = _Rounds(generator, keys, make_pairs, config, seed)

    def loss(rows: Tensor, random: BatchRandom) -> tuple[Tensor, dict[str, Tensor]]:
        rows = rounds.rows(rows)
        batch = conditions[rounds.picture[rows]].map(lambda x: x.to(device))
        winner, loser = rounds.winner[rows].to(device), rounds.loser[rows].to(device)
        errors = pair_errors(policy, rounds.reference, batch, winner, loser, random, config.timestep_weighting)
        total = loss_of_pairs(errors, config.beta).mean()
        logs = preference_logs(errors, config.beta)
        if replay is not None and config.replay_weight > 0:
            replayed = replay_error(policy, replay, config.replay_batch // random.parts, random)
            total = total + config.replay_weight * replayed
            logs["errors/replay"] = replayed
        return total, {k: v.detach() for k, v in logs.items()}

    def before_step(step: int) -> None:
        if watch is not None:
            watch(step)
        rounds.before_step(step)

    n_rows = min(config.pictures_per_round, len(keys)) * config.pairs_per_picture
    try:
        fit(
            policy, loss, n_rows, config.fit, seed, report, state_folder, save_every=config.refresh_every,
            stop_at=stop_at, hooks=Hooks(before_step, rounds, rounds.describe),
        )  # fmt: skip
    finally:
        if config.lora_rank:
            merge_lora(policy)
    return generator
