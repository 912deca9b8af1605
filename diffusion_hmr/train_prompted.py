"""Train a generator that is told marks, and may look too: its branch first, then the denoiser with the branch's features."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from diffusion_hmr.config import GeneratorConfig, PromptedTraining
from diffusion_hmr.generator import Generator
from hmr.networks.branch_loss import estimate_loss, root_mean_square
from hmr.networks.conditions import Conditions, Estimate
from hmr.networks.image_branch import ImageBranch
from hmr.networks.lit_branch import LitBranch
from hmr.networks.prompt_branch import PromptBranch
from hmr.training.batch_random import BatchRandom
from hmr.training.batches import Batches
from hmr.training.finished import once
from hmr.training.fit import fit
from hmr.training.lit_people import LitBatch
from hmr.training.prompted_people import PromptBatch
from hmr.training.run import TrainingRun, marks_of

#: People by which the residuals' size is measured.
_MEASURED, _AT_ONCE = 4096, 512

ToldBranch = PromptBranch | LitBranch
ToldBatch = PromptBatch | LitBatch


@dataclass(frozen=True)
class ToldPeople:
    """What the two fits learn from: ``PromptedPeople``, or ``WithUnseen`` for a branch that looks.

    Attributes:
        of_branch, of_denoiser: the same, or others: where the branch has seen few people, its estimate of those is better than it
            will be of anybody else, and a denoiser that learnt from them is too sure.
        body: family of their body model.
    """

    of_branch: Batches
    of_denoiser: Batches
    body: str


def train_prompted(
    config: GeneratorConfig, training: PromptedTraining, people: ToldPeople, run: TrainingRun,
    start_from: Generator | None = None,
) -> Generator:  # fmt: skip
    """Resumes from the run's folder.

    start_from: a generator that is told marks, of the same sizes: training begins with what it knows.
    """
    torch.manual_seed(run.seed)
    generator = Generator(replace(config, body=people.body)).to(run.device)
    branch = generator.branch
    if isinstance(branch, ImageBranch):
        raise ValueError("generator.prompts: expected the sizes of a prompt branch or of a lit one, got none")
    if start_from is not None:
        _begin_with(generator, start_from)
    _train_branch(branch, people.of_branch, training, run)
    _train_denoiser(generator, branch, people.of_denoiser, training, run)
    return generator.eval()


def _begin_with(generator: Generator, start_from: Generator) -> None:
    """Raises ValueError when the two are of other sizes."""
    branch, before = generator.branch, start_from.branch
    lifting = branch.prompts if isinstance(branch, LitBranch) and isinstance(before, PromptBranch) else branch
    try:
        lifting.load_state_dict(before.state_dict())
        generator.denoiser.load_state_dict(start_from.denoiser.state_dict())
    except RuntimeError as error:
        raise ValueError(f"the generator to start from is of other sizes: {error}") from error


def _train_branch(branch: ToldBranch, people: Batches, training: PromptedTraining, run: TrainingRun) -> None:
    """Its estimate."""
    lifted: Callable[..., tuple[Tensor, Estimate]] = branch.lifted

    def loss(batch: ToldBatch, random: BatchRandom) -> tuple[Tensor, dict[str, Tensor]]:
        del random
        batch = batch.to(run.device)
        _, own = lifted(*batch.inputs)
        return estimate_loss(own, batch.targets)

    stage = run.of_stage("branch")
    marks = {"rows": str(len(people)), **marks_of(training.branch, stage)}
    once(branch, lambda: fit(branch, loss, people, training.branch, stage), marks, stage)


def _train_denoiser(
    generator: Generator, branch: ToldBranch, people: Batches, training: PromptedTraining, run: TrainingRun
) -> None:
    """The denoiser, and the features that the branch gives it; the branch's estimate stays."""
    denoiser = generator.denoiser
    conditions_of: Callable[..., Conditions] = branch.conditions
    branch.requires_grad_(False)
    for heads in branch.feature_heads:
        heads.requires_grad_(True)
    denoiser.residual_std.copy_(_residual_std(branch, people, run))

    def loss(batch: ToldBatch, random: BatchRandom) -> tuple[Tensor, dict[str, Tensor]]:
        batch = batch.to(run.device)
        conditions = conditions_of(*batch.inputs)
        drawn = batch.targets.state[:, None].expand(-1, training.draws, -1)
        noise = random.normal(*drawn.shape)
        t = denoiser.objective.antithetic_times(len(drawn), training.draws, random)
        return denoiser.error(drawn, conditions, noise, t).mean(), {}

    fit(nn.ModuleList([denoiser, *branch.feature_heads]), loss, people, training.denoiser, run.of_stage("denoiser"))
    branch.requires_grad_(True)


@torch.no_grad()
def _residual_std(branch: ToldBranch, people: Batches, run: TrainingRun) -> Tensor:
    """(133,) by some people: how far labels are from the branch's own estimate, in units of its own uncertainty."""
    branch.eval()
    conditions_of: Callable[..., Conditions] = branch.conditions
    parts = []
    for start in range(0, min(_MEASURED, len(people)), _AT_ONCE):
        rows = torch.arange(start, min(start + _AT_ONCE, len(people)))
        batch = people.load(rows, BatchRandom(run.seed + start, torch.device("cpu"))).to(run.device)
        own = conditions_of(*batch.inputs)
        parts.append((batch.targets.state - own.own) / own.own_scale)
    return root_mean_square(torch.cat(parts))
