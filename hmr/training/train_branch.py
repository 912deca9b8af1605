"""Train an image branch on labelled pictures, and run one over a set of pictures."""

from __future__ import annotations

import torch
from torch import Tensor

from hmr.body import BodyModel
from hmr.networks.branch_loss import estimate_loss
from hmr.networks.image_branch import ImageBranch
from hmr.samples import Samples
from hmr.training.batch_random import BatchRandom
from hmr.training.config import AugmentConfig, FitConfig
from hmr.training.finished import once
from hmr.training.fit import fit
from hmr.training.labelled_pictures import LabelledPictures, PictureBatch
from hmr.training.run import TrainingRun, marks_of


def train_image_branch(
    branch: ImageBranch,
    samples: Samples,
    model: BodyModel,
    config: FitConfig,
    run: TrainingRun,
    augment: AugmentConfig | None = None,
) -> ImageBranch:
    """On exact or pseudo-labels alike: a label is a label here. Resumes from the run's folder, also when it had finished."""
    device = next(branch.parameters()).device

    def loss(batch: PictureBatch, random: BatchRandom) -> tuple[Tensor, dict[str, Tensor]]:
        del random
        rgb, towards, targets = batch.to(device)
        _, _, own = branch(rgb, towards)
        return estimate_loss(own, targets)

    def train() -> None:
        fit(branch, loss, LabelledPictures.of(samples, model, augment or AugmentConfig()), config, run)

    once(branch, train, {"rows": str(len(samples)), **marks_of(config, run)}, run)
    return branch


def split_rows(count: int, share: float, seed: int) -> tuple[Tensor, Tensor]:
    """A random share of the rows, and the others; both in their own order. Raises ValueError when one of them is empty."""
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    cut = round(share * count)
    if not 0 < cut < count:
        raise ValueError(f"a share of {share:g} of {count} pictures leaves nothing on one side; expected more pictures")
    return order[:cut].sort().values, order[cut:].sort().values
