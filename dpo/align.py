"""Diffusion-DPO of the denoiser on cached features of the frozen image branch (ADHMR section 4.4).

The policy starts as a copy of the base. Every ``refresh_every`` steps fresh candidates are drawn from the policy, judged
and paired, and the reference becomes a frozen copy of the policy. Exact labels of the source domain can be replayed beside.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from diffusion_hmr.denoiser import Denoiser
from diffusion_hmr.generator import Generator
from diffusion_hmr.schedule import NUM_TIMESTEPS
from diffusion_hmr.train import v_error
from dpo.loss import PairErrors, diffusion_dpo_loss, preference_logs
from dpo.pairs import PreferencePairs
from hmr.networks.fit import BatchRandom, FitConfig, Report, fit
from hmr.networks.image_branch import Conditions

#: Rows of the unlabelled set, and a seed, to pairs whose keys are those rows' keys.
PairMaker = Callable[[Generator, Tensor, int], PreferencePairs]
PairLoss = Callable[[PairErrors, float], Tensor]


@dataclass(frozen=True)
class AlignConfig:
    """beta: on errors averaged over the state's dimensions. candidates: M. pairs_per_picture: K. pictures_per_round: drawn
    anew at each refresh. replay_weight: weight of the supervised error on replayed labels."""

    fit: FitConfig = field(default_factory=lambda: FitConfig(steps=300, batch_size=48, lr=1.5e-4, weight_decay=0.0))
    beta: float = 50.0
    candidates: int = 10
    pairs_per_picture: int = 3
    pictures_per_round: int = 50
    refresh_every: int = 12
    replay_weight: float = 20.0
    replay_batch: int = 48
    diversity: float = 0.4


@dataclass(frozen=True)
class Replay:
    """Exactly labelled pictures that keep the policy where it was right: conditions and packed states (n, 133)."""

    conditions: Conditions
    states: Tensor


def frozen_copy(network: nn.Module) -> nn.Module:
    """A reference that never trains (TRL's way of making one)."""
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    from trl.experimental.utils import create_reference_model  # slow to import

    return create_reference_model(network)


def pair_errors(
    policy: Denoiser,
    reference: Denoiser,
    conditions: Conditions,
    winner: Tensor,
    loser: Tensor,
    random: BatchRandom,
) -> PairErrors:
    """Errors at one timestep and with one noise for winner and loser (p, 133), policy and reference alike."""
    states = torch.stack([winner, loser], 1)
    x_0 = policy.normalised(states, conditions)
    noise = random.normal(len(x_0), 1, x_0.shape[-1]).expand_as(x_0)
    t = random.integers(NUM_TIMESTEPS, len(x_0), 1).expand(-1, 2)
    of_policy = v_error(policy, x_0, noise, t, conditions)
    # The reference's parameters are frozen, so no graph is built; under no_grad another attention kernel would be taken, and
    # equal networks would not give equal errors.
    of_reference = v_error(reference, x_0, noise, t, conditions)
    return PairErrors(of_policy[:, 0], of_policy[:, 1], of_reference[:, 0], of_reference[:, 1])


def replay_error(policy: Denoiser, replay: Replay, count: int, random: BatchRandom) -> Tensor:
    """The base's own training error on a random batch of ``count`` replayed labels."""
    device = policy.residual_std.device
    rows = random.integers(len(replay.states), count).cpu()
    conditions = replay.conditions[rows].map(lambda x: x.to(device))
    x_0 = policy.normalised(replay.states[rows, None].to(device), conditions)
    noise = random.normal(*x_0.shape)
    t = random.integers(NUM_TIMESTEPS, count, 1)
    return v_error(policy, x_0, noise, t, conditions).mean()


class _Rounds:
    """The pairs and the reference of the current round."""

    def __init__(
        self, generator: Generator, keys: tuple[str, ...], make_pairs: PairMaker, config: AlignConfig, seed: int
    ):
        self.generator, self.make_pairs, self.config, self.seed = generator, make_pairs, config, seed
        self.place = {key: i for i, key in enumerate(keys)}
        self.reference: Denoiser | None = None
        self.pairs: PreferencePairs | None = None
        self.picture = torch.empty(0, dtype=torch.long)

    def refresh(self, step: int) -> None:
        if step % self.config.refresh_every and self.pairs is not None:
            return
        round_seed = self.seed * 101 + step
        shuffle = torch.Generator().manual_seed(round_seed)
        rows = torch.randperm(len(self.place), generator=shuffle)[: self.config.pictures_per_round]
        self.reference = frozen_copy(self.generator.denoiser)  # pyright: ignore[reportAttributeAccessIssue]
        self.pairs = self.make_pairs(self.generator, rows, round_seed)
        if len(self.pairs) == 0:
            raise ValueError("no picture gave a pair: all rewards are equal; is the scorer trained?")
        self.picture = torch.tensor([self.place[key] for key in self.pairs.key])
        self.generator.denoiser.train()


def align(
    generator: Generator,
    conditions: Conditions,
    keys: tuple[str, ...],
    make_pairs: PairMaker,
    config: AlignConfig,
    seed: int,
    report: Report,
    replay: Replay | None = None,
    pair_loss: PairLoss = diffusion_dpo_loss,
    state_folder: Path | None = None,
    stop_at: int | None = None,
) -> Generator:
    """Finetune ``generator.denoiser`` in place on unlabelled pictures (conditions and keys, one a picture).

    Raises ValueError when no pair can be made, TrainingDivergedError when the loss is not finite.
    """
    policy = generator.denoiser
    device = policy.residual_std.device
    rounds = _Rounds(generator, keys, make_pairs, config, seed)

    def loss(rows: Tensor, random: BatchRandom) -> tuple[Tensor, dict[str, Tensor]]:
        assert rounds.pairs is not None
        assert rounds.reference is not None
        rows = rows % len(rounds.pairs)
        batch = conditions[rounds.picture[rows]].map(lambda x: x.to(device))
        errors = pair_errors(
            policy,
            rounds.reference,
            batch,
            rounds.pairs.winner[rows].to(device),
            rounds.pairs.loser[rows].to(device),
            random,
        )
        total = pair_loss(errors, config.beta).mean()
        logs = preference_logs(errors, config.beta)
        if replay is not None and config.replay_weight > 0:
            replayed = replay_error(policy, replay, config.replay_batch // random.parts, random)
            total = total + config.replay_weight * replayed
            logs["errors/replay"] = replayed
        return total, {k: v.detach() for k, v in logs.items()}

    n_rows = min(config.pictures_per_round, len(keys)) * config.pairs_per_picture
    fit(
        policy, loss, n_rows, config.fit, seed, report, state_folder, save_every=config.refresh_every,
        before_step=rounds.refresh, stop_at=stop_at,
    )  # fmt: skip
    return generator
