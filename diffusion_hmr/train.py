"""Train a generator: the image branch first, then the denoiser on the frozen branch's features."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from diffusion_hmr.config import GeneratorConfig, GeneratorTraining
from diffusion_hmr.denoiser import Denoiser
from diffusion_hmr.generator import Generator
from hmr.body import BodyModel
from hmr.networks.branch_loss import Targets, root_mean_square
from hmr.networks.conditions import Conditions
from hmr.networks.image_branch import ImageBranch
from hmr.networks.stored_conditions import stored_conditions
from hmr.samples import Samples
from hmr.training.batch_random import BatchRandom
from hmr.training.batches import RowNumbers
from hmr.training.config import FitConfig
from hmr.training.fit import fit
from hmr.training.run import TrainingRun
from hmr.training.train_branch import split_rows, train_image_branch


def train_denoiser(
    denoiser: Denoiser, conditions: Conditions, states: Tensor, config: FitConfig, run: TrainingRun, draws: int = 2
) -> Denoiser:
    """states: (n, 133) packed labels. draws: noise levels per picture and step."""
    device = denoiser.residual_std.device
    denoiser.residual_std.copy_(root_mean_square((states - conditions.own) / conditions.own_scale))

    def loss(rows: Tensor, random: BatchRandom) -> tuple[Tensor, dict[str, Tensor]]:
        batch = conditions[rows].map(lambda x: x.to(device))
        drawn = states[rows, None].to(device).expand(-1, draws, -1)
        noise = random.normal(*drawn.shape)
        t = denoiser.objective.antithetic_times(len(rows), draws, random)
        return denoiser.error(drawn, batch, noise, t).mean(), {}

    fit(denoiser, loss, RowNumbers(len(states)), config, run)
    return denoiser


def train_generator(
    config: GeneratorConfig,
    training: GeneratorTraining,
    samples: Samples,
    model: BodyModel,
    run: TrainingRun,
    start_from: Generator | None = None,
) -> tuple[Generator, Tensor, Conditions]:
    """A generator trained on labelled pictures, the rows that its denoiser learnt from, and the conditions of those.

    start_from: a generator of the same architecture whose weights are where training begins, for training in stages (on exact
    labels, then on occluded pictures, then on pseudo-labels). Resumes from the run's folder.

    Raises ValueError when the split leaves one of the two without pictures.
    """
    torch.manual_seed(run.seed)
    generator = Generator(replace(config, body=model.family)).to(run.device)
    generator.check_size(samples)
    if not isinstance(generator.branch, ImageBranch):
        raise ValueError(
            "generator.prompts: a generator that is told marks does not learn from pictures; train it by train-prompted"
        )
    if start_from is not None:
        generator.load_state_dict(start_from.state_dict())
    seen, held_back = split_rows(len(samples), training.branch_share, run.seed)
    stage = run.of_stage("branch")
    train_image_branch(generator.branch, samples[seen], model, training.branch, stage, training.augment)
    generator.branch.eval()
    conditions = stored_conditions(generator.branch, samples[held_back], run.features)
    states = Targets.of(samples[held_back], model).state
    train_denoiser(generator.denoiser, conditions, states, training.denoiser, run.of_stage("denoiser"))
    return generator.eval(), held_back, conditions
