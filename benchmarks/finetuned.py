"""A generator finetuned in one of two ways, with the same steps and replay, so that rows of a table differ in what taught it."""

from __future__ import annotations

import copy
from dataclasses import replace

from torch import Tensor

from diffusion_hmr import Generator
from dpo.align import AlignData, PairMaker, Replay, align, replay_error
from dpo.config import AlignConfig
from hmr.training.batch_random import BatchRandom
from hmr.training.batches import RowNumbers
from hmr.training.fit import fit
from hmr.training.run import TrainingRun


def run_of(seed: int) -> TrainingRun:
    return TrainingRun(31 + 1000 * seed)


def on_pairs(base: Generator, data: AlignData, maker: PairMaker, config: AlignConfig, seed: int) -> Generator:
    """By preferences; the base stays as it is."""
    return align(copy.deepcopy(base), data, maker, config, run_of(seed))


def on_labels(base: Generator, labelled: Replay, replay: Replay, config: AlignConfig, seed: int) -> Generator:
    """By the base's own training error on labels; the base stays as it is."""
    generator = copy.deepcopy(base)
    device = generator.denoiser.residual_std.device

    def loss(rows: Tensor, random: BatchRandom) -> tuple[Tensor, dict[str, Tensor]]:
        error = replay_error(generator.denoiser, labelled, len(rows), random, device)
        return error + replay_error(generator.denoiser, replay, config.replay_batch, random, device), {}

    # Twice the batch: a pair, too, is two samples.
    fitted = replace(config.fit, batch_size=2 * config.fit.batch_size)
    fit(generator.denoiser, loss, RowNumbers(len(labelled.states)), fitted, run_of(seed))
    return generator
