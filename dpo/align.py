"""Preference optimisation of the denoiser on cached features of the frozen image branch (ADHMR section 4.4).

The policy starts as a copy of the base. Every ``refresh_every`` steps fresh candidates are drawn from the policy, judged and
paired; every ``ref_model_sync_steps`` the reference follows the policy. Exact labels of the source domain can be replayed beside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from diffusion_hmr.protocol import Finetuned, Policy
from dpo.config import AlignConfig
from dpo.family import pair_loss
from dpo.lora import add_lora, merge_lora
from dpo.loss import PairErrors, PartErrors, preference_logs
from dpo.pairs import PreferencePairs, require_state_kind
from dpo.reference import follow, frozen_copy
from hmr.networks.conditions import PictureRows
from hmr.skeleton import NUM_JOINTS, NUM_KEYPOINTS
from hmr.training.batch_random import BatchRandom
from hmr.training.batches import RowNumbers
from hmr.training.config import TimestepWeighting
from hmr.training.fit import Hooks, fit
from hmr.training.run import TrainingRun

#: Rows of the unlabelled set, and a seed, to pairs whose keys are those rows' keys.
PairMaker = Callable[[Finetuned[Any], Tensor, int], PreferencePairs]
#: What is finetuned.
Learner = TypeVar("Learner", bound=Finetuned[Any])
#: Called before each step with its number; may raise to stop the run.
Watch = Callable[[int], None]


@dataclass(frozen=True)
class Replay:
    """Exactly labelled pictures that keep the policy where it was right: conditions and the policy's states (n, d)."""

    conditions: PictureRows
    states: Tensor


_KEYPOINT_DIM = 3 * NUM_KEYPOINTS


def marked_dimensions() -> Tensor:
    """(87,) True for u and v of the 24 joints: not for depths, and not for the five leaf points."""
    marked = torch.zeros(NUM_KEYPOINTS, 3, dtype=torch.bool)
    marked[:NUM_JOINTS, :2] = True
    return marked.flatten()


def pair_errors(
    policy: Policy[Any],
    reference: Policy[Any],
    conditions: PictureRows,
    pairs: tuple[Tensor, Tensor],
    random: BatchRandom,
    weighting: TimestepWeighting = "uniform",
) -> PairErrors:
    """Errors at one time and with one noise for winner and loser (p, d), policy and reference alike."""
    states = torch.stack(pairs, 1)
    noise = random.normal(len(states), 1, states.shape[-1]).expand_as(states)
    t = policy.objective.times(len(states), 1, random).expand(-1, 2)
    of_policy = policy.squared_errors(states, conditions, noise, t)
    # The reference's parameters are frozen, so no graph is built; under no_grad another attention kernel would be taken, and
    # equal networks would not give equal errors.
    of_reference = reference.squared_errors(states, conditions, noise, t)
    weight = policy.objective.weights(weighting, t[:, 0]).to(of_policy.device)
    marked = marked_dimensions().to(of_policy.device)

    def errors(mean: Callable[[Tensor], Tensor], parts: PartErrors | None = None) -> PairErrors:
        policy, reference = mean(of_policy), mean(of_reference)
        return PairErrors(*(weight * error for error in (*policy.unbind(1), *reference.unbind(1))), parts=parts)

    parts = PartErrors(
        errors(lambda e: e[..., :_KEYPOINT_DIM].mean(-1)),
        errors(lambda e: e[..., _KEYPOINT_DIM:].mean(-1)),
        errors(lambda e: (e[..., :_KEYPOINT_DIM] * marked).mean(-1)),
    )
    return errors(lambda e: e.mean(-1), parts)


def replay_error(policy: Policy[Any], replay: Replay, count: int, random: BatchRandom, device: torch.device) -> Tensor:
    """The base's own training error on a random batch of ``count`` replayed labels."""
    rows = random.integers(len(replay.states), count).cpu()
    conditions = replay.conditions[rows].map(lambda x: x.to(device))
    states = replay.states[rows, None].to(device)
    noise = random.normal(*states.shape)
    return policy.error(states, conditions, noise, policy.objective.times(count, 1, random)).mean()


class _Rounds:
    """The pairs and the reference of the current round."""

    def __init__(
        self,
        generator: Finetuned[Any],
        keys: tuple[str, ...],
        make_pairs: PairMaker,
        config: AlignConfig,
        seed: int,
    ) -> None:
        self.generator, self.make_pairs, self.config, self.seed = generator, make_pairs, config, seed
        self.keys, self.place = keys, {key: i for i, key in enumerate(keys)}
        self.reference = frozen_copy(generator.denoiser)
        self.winner, self.loser = torch.empty(0), torch.empty(0)
        self.picture = torch.empty(0, dtype=torch.long)
        #: Mean implicit reward of the step before, over the whole batch: what KTO measures rewards from.
        self.anchor = torch.zeros(())

    def after_step(self, values: dict[str, Tensor]) -> None:
        self.anchor = 0.5 * (values["rewards/chosen"] + values["rewards/rejected"]).detach().cpu()

    def state_dict(self) -> dict[str, Any]:
        return {
            "reference": self.reference.state_dict(),
            "winner": self.winner,
            "loser": self.loser,
            "picture": self.picture,
            "anchor": self.anchor,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.reference.load_state_dict(state["reference"])
        self.winner, self.loser, self.picture, self.anchor = (
            state[name].cpu() for name in ("winner", "loser", "picture", "anchor")
        )

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
        require_state_kind(pairs, self.generator.state_kind)
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


def switch_off_dropout(network: nn.Module) -> None:
    """In place, for good: a network that is loaded again has its dropout."""
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0


@dataclass(frozen=True)
class AlignData:
    """What a generator is aligned on.

    Attributes:
        key: of the n unlabelled pictures.
        conditions: what the frozen branch says of them.
        replay: exactly labelled pictures beside them, or None.
    """

    key: tuple[str, ...]
    conditions: PictureRows
    replay: Replay | None = None


def align(
    generator: Learner,
    data: AlignData,
    make_pairs: PairMaker,
    config: AlignConfig,
    run: TrainingRun,
    watch: Watch | None = None,
) -> Learner:
    """Finetune ``generator.denoiser`` in place on unlabelled pictures.

    watch: looks at the policy as it goes (``dpo.guards``). Raises ValueError when no pair can be made or the loss is unknown,
    TrainingDivergedError when the loss is not finite.
    """
    policy = generator.denoiser
    device = next(policy.parameters()).device
    loss_of_pairs = pair_loss(config.loss_type, config.loss_weights, config.label_smoothing)
    if config.disable_dropout:
        switch_off_dropout(policy)
    if config.lora_rank:
        with torch.random.fork_rng():  # adapters begin as the seed says, in every process and every run
            torch.manual_seed(run.seed)
            add_lora(policy, config.lora_rank)
    rounds = _Rounds(generator, data.key, make_pairs, config, run.seed)

    def loss(rows: Tensor, random: BatchRandom) -> tuple[Tensor, dict[str, Tensor]]:
        rows = rounds.rows(rows)
        batch = data.conditions[rounds.picture[rows]].map(lambda x: x.to(device))
        pairs = rounds.winner[rows].to(device), rounds.loser[rows].to(device)
        errors = pair_errors(policy, rounds.reference, batch, pairs, random, config.timestep_weighting)
        total = loss_of_pairs(errors, config.beta, rounds.anchor.to(device)).mean()
        logs = preference_logs(errors, config.beta)
        if data.replay is not None and config.replay_weight > 0:
            replayed = replay_error(policy, data.replay, config.replay_batch // random.parts, random, device)
            total = total + config.replay_weight * replayed
            logs["errors/replay"] = replayed
        return total, {k: v.detach() for k, v in logs.items()}

    def before_step(step: int) -> None:
        if watch is not None:
            watch(step)
        rounds.before_step(step)

    n_rows = min(config.pictures_per_round, len(data.key)) * config.pairs_per_picture
    hooks = Hooks(before_step, rounds.after_step, rounds, rounds.describe)
    try:
        fit(policy, loss, RowNumbers(n_rows), config.fit, replace(run, save_every=config.refresh_every), hooks)
    finally:
        if config.lora_rank:
            merge_lora(policy)
    return generator
