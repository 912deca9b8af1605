"""A generator finetuned in one of two ways, with the same steps and replay, so that rows of a table differ in what taught it."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

from torch import Tensor

from diffusion_hmr import Generator
from diffusion_hmr.looking import LookingGenerator
from diffusion_hmr.protocol import Finetuned
from dpo.align import AlignData, PairMaker, Replay, align, replay_error
from dpo.config import AlignConfig
from hmr.networks.conditions import Conditions
from hmr.training.batch_random import BatchRandom
from hmr.training.batches import RowNumbers
from hmr.training.fit import fit
from hmr.training.run import TrainingRun


def run_of(seed: int) -> TrainingRun:
    return TrainingRun(31 + 1000 * seed)


def learner(base: Generator, conditions: object) -> tuple[Generator, Finetuned[Any]]:
    """A copy of the base, and what of it learns: the denoiser where what the branch says is given, its features too where that
    is given at which the branch looks."""
    own = copy.deepcopy(base)
    return own, own if isinstance(conditions, Conditions) else LookingGenerator(own)


def on_pairs(base: Generator, data: AlignData, maker: PairMaker, config: AlignConfig, seed: int) -> Generator:
    """By preferences; the base stays as it is."""
    own, learns = learner(base, data.conditions)
    align(learns, data, maker, config, run_of(seed))
    return own


def on_labels(base: Generator, labelled: Replay, replay: Replay, config: AlignConfig, seed: int) -> Generator:
    """By the base's own training error on labels; the base stays as it is."""
    own, learns = learner(base, labelled.conditions)
    device, policy = own.denoiser.residual_std.device, learns.denoiser

    def loss(rows: Tensor, random: BatchRandom) -> tuple[Tensor, dict[str, Tensor]]:
        error = replay_error(policy, labelled, len(rows), random, device)
        return error + replay_error(policy, replay, config.replay_batch, random, device), {}

    # Twice the batch: a pair, too, is two samples.
    fitted = replace(config.fit, batch_size=2 * config.fit.batch_size)
    fit(policy, loss, RowNumbers(len(labelled.states)), fitted, run_of(seed))
    return own
