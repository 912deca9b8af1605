"""Train a prompted generator on people without pictures: its branch first, then the denoiser with the branch's features."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from diffusion_hmr.config import GeneratorConfig, PromptedTraining
from diffusion_hmr.generator import Generator
from hmr.networks.branch_loss import estimate_loss, root_mean_square
from hmr.networks.conditions import Conditions
from hmr.networks.prompt_branch import PromptBranch
from hmr.training.batch_random import BatchRandom
from hmr.training.finished import once
from hmr.training.fit import fit
from hmr.training.prompted_people import PromptBatch, PromptedPeople
from hmr.training.run import TrainingRun, marks_of

#: People by which the residuals' size is measured.
_MEASURED = 4096


def train_prompted(
    config: GeneratorConfig, training: PromptedTraining, people: PromptedPeople, body: str, run: TrainingRun
) -> Generator:
    """body: family of the people's body model. Resumes from the run's folder."""
    torch.manual_seed(run.seed)
    generator = Generator(replace(config, body=body)).to(run.device)
    branch = generator.branch
    if not isinstance(branch, PromptBranch):
        raise ValueError("generator.prompts: expected the sizes of a prompt branch, got none")
    _train_branch(branch, people, training, run)
    _train_denoiser(generator, branch, people, training, run)
    return generator.eval()


def _train_branch(branch: PromptBranch, people: PromptedPeople, training: PromptedTraining, run: TrainingRun) -> None:
    """Its estimate."""

    def loss(batch: PromptBatch, random: BatchRandom) -> tuple[Tensor, dict[str, Tensor]]:
        del random
        batch = batch.to(run.device)
        _, own = branch(batch.marks, batch.towards)
        return estimate_loss(own, batch.targets)

    stage = run.of_stage("branch")
    marks = {"rows": str(len(people)), **marks_of(training.branch, stage)}
    once(branch, lambda: fit(branch, loss, people, training.branch, stage), marks, stage)


def _train_denoiser(
    generator: Generator, branch: PromptBranch, people: PromptedPeople, training: PromptedTraining, run: TrainingRun
) -> None:
    """The denoiser, and the features that the branch gives it; the branch's estimate stays."""
    denoiser = generator.denoiser
    branch.requires_grad_(False)
    for heads in branch.feature_heads:
        heads.requires_grad_(True)
    own, states = _measured(branch, people, run)
    denoiser.residual_std.copy_(root_mean_square((states - own.own) / own.own_scale))

    def loss(batch: PromptBatch, random: BatchRandom) -> tuple[Tensor, dict[str, Tensor]]:
        batch = batch.to(run.device)
        conditions = branch.conditions(batch.marks, batch.towards)
        drawn = batch.targets.state[:, None].expand(-1, training.draws, -1)
        noise = random.normal(*drawn.shape)
        t = denoiser.objective.antithetic_times(len(drawn), training.draws, random)
        return denoiser.error(drawn, conditions, noise, t).mean(), {}

    fit(nn.ModuleList([denoiser, *branch.feature_heads]), loss, people, training.denoiser, run.of_stage("denoiser"))
    branch.requires_grad_(True)


@torch.no_grad()
def _measured(branch: PromptBranch, people: PromptedPeople, run: TrainingRun) -> tuple[Conditions, Tensor]:
    """Conditions and labels of some people."""
    rows = torch.arange(min(_MEASURED, len(people)))
    batch = people.load(rows, BatchRandom(run.seed, torch.device("cpu"))).to(run.device)
    return branch.eval().conditions(batch.marks, batch.towards), batch.targets.state
