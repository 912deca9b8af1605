"""Train a generator: the image branch first, then the denoiser on the frozen branch's features."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from diffusion_hmr.config import GeneratorConfig, GeneratorTraining
from diffusion_hmr.denoiser import Denoiser
from diffusion_hmr.generator import Generator
from diffusion_hmr.schedule import NUM_TIMESTEPS, training_target
from hmr.body import BodyModel
from hmr.networks.branch_loss import Targets, root_mean_square
from hmr.networks.image_branch import Conditions, conditions_of
from hmr.samples import Samples
from hmr.training.batch_random import BatchRandom
from hmr.training.config import FitConfig
from hmr.training.fit import Report, fit
from hmr.training.train_branch import split_rows, train_image_branch


def antithetic_timesteps(b: int, n: int, random: BatchRandom) -> Tensor:
    """(b, n) timesteps; each drawn one comes with its mirror T - 1 - t, which evens out a batch (HypoNet's training)."""
    half = random.integers(NUM_TIMESTEPS, b, (n + 1) // 2)
    return torch.cat([half, NUM_TIMESTEPS - 1 - half], 1)[:, :n]


def prediction_error(denoiser: Denoiser, x_0: Tensor, noise: Tensor, t: Tensor, conditions: Conditions) -> Tensor:
    """Squared error of what the denoiser predicts, averaged over the state's dimensions: (b, n, 133) and (b, n) to (b, n)."""
    x_t, target = training_target(denoiser.prediction, x_0.flatten(0, 1), noise.flatten(0, 1), t.flatten())
    predicted = denoiser(x_t.view_as(x_0), t, denoiser.prepare(conditions))
    return (predicted - target.view_as(x_0)).square().mean(-1)


def train_denoiser(
    denoiser: Denoiser,
    conditions: Conditions,
    states: Tensor,
    config: FitConfig,
    seed: int,
    report: Report,
    draws: int = 2,
    state_folder: Path | None = None,
) -> Denoiser:
    """states: (n, 133) packed labels. draws: noise levels per picture and step."""
    device = denoiser.residual_std.device
    denoiser.residual_std.copy_(root_mean_square((states - conditions.own) / conditions.own_scale))

    def loss(rows: Tensor, random: BatchRandom) -> tuple[Tensor, dict[str, Tensor]]:
        batch = conditions[rows].map(lambda x: x.to(device))
        x_0 = denoiser.normalised(states[rows, None].to(device), batch).expand(-1, draws, -1)
        noise = random.normal(*x_0.shape)
        t = antithetic_timesteps(len(rows), draws, random)
        return prediction_error(denoiser, x_0, noise, t, batch).mean(), {}

    fit(denoiser, loss, len(states), config, seed, report, state_folder)
    return denoiser


def train_generator(
    config: GeneratorConfig,
    training: GeneratorTraining,
    samples: Samples,
    model: BodyModel,
    seed: int,
    reports: tuple[Report, Report],
    device: torch.device,
    state_folder: Path,
    start_from: Generator | None = None,
) -> tuple[Generator, Tensor, Conditions]:
    """A generator trained on labelled pictures, the rows that its denoiser learnt from, and the conditions of those.

    start_from: a generator of the same architecture whose weights are where training begins, for training in stages (on exact
    labels, then on occluded pictures, then on pseudo-labels). Resumes from ``state_folder``.

    Raises ValueError when the split leaves one of the two without pictures.
    """
    torch.manual_seed(seed)
    generator = Generator(config).to(device)
    generator.check_size(samples)
    if start_from is not None:
        generator.load_state_dict(start_from.state_dict())
    seen, held_back = split_rows(len(samples), training.branch_share, seed)
    train_image_branch(
        generator.branch, samples[seen], model, training.branch, seed, reports[0], state_folder / "branch"
    )
    generator.branch.eval()
    conditions = conditions_of(generator.branch, samples[held_back])
    states = Targets.of(samples[held_back], model).state
    train_denoiser(
        generator.denoiser,
        conditions,
        states,
        training.denoiser,
        seed,
        reports[1],
        state_folder=state_folder / "denoiser",
    )
    return generator.eval(), held_back, conditions
