"""Train a regressor of bodies with hands, by accelerate's rules as everything here is trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from safetensors.torch import load_model, save_model
from torch import Tensor

from hmr.files import write_atomically
from hmr.networks.checkpoint import without_downloads
from hmr.networks.precision import full_precision
from hmr.samples import Samples
from hmr.skinned_body import SkinnedBody
from hmr.training.augment import augmented
from hmr.training.batch_random import BatchRandom
from hmr.training.config import AugmentConfig, FitConfig
from hmr.training.fit import fit
from hmr.training.labelled_pictures import check_pixels
from hmr.training.run import TrainingRun
from regressors.config import ExpressiveConfig, ExpressiveTraining
from regressors.expressive import ExpressivePrediction, ExpressiveRegressor
from regressors.expressive_loss import expressive_loss, localisation_loss

Loss = Callable[[ExpressivePrediction, Samples, SkinnedBody], tuple[Tensor, dict[str, Tensor]]]
#: What is the same in every member of the family and says where things are, not what they do.
LOCALISATION = ("encoder", "joints", "boxes")


@dataclass(frozen=True)
class SampleBatches:
    """Labelled pictures, augmented anew each time that they are loaded."""

    samples: Samples
    augment: AugmentConfig

    def __len__(self) -> int:
        return len(self.samples)

    def load(self, rows: Tensor, random: BatchRandom) -> Samples:
        batch = self.samples[rows]
        rgb = batch.rgb[:]
        if not (self.augment.moves or self.augment.recolours):
            return replace(batch, rgb=rgb)
        rgb, roll = augmented(rgb, self.augment, random)
        return roll.samples(batch, rgb)


def _fit(
    regressor: ExpressiveRegressor,
    loss_function: Loss,
    samples: Samples,
    model: SkinnedBody,
    config: FitConfig,
    augment: AugmentConfig,
    run: TrainingRun,
) -> ExpressiveRegressor:
    device = next(regressor.parameters()).device
    if samples.size != regressor.config.size:
        raise ValueError(
            f"the configuration is for {regressor.config.size} px crops, the pictures are {samples.size} px"
        )
    if not bool(samples.known_parts().any()):
        raise ValueError("no part of any label is known: there is nothing to learn from")

    on_device = model.to(device)

    def loss(loaded: Samples, random: BatchRandom) -> tuple[Tensor, dict[str, Tensor]]:
        del random
        batch = loaded.map(lambda x: x.to(device))
        predicted = regressor(batch.pictures(), batch.K)
        with full_precision(device):
            return loss_function(predicted, batch, on_device)

    check_pixels(samples, augment)
    fit(regressor, loss, SampleBatches(samples, augment), config, run)
    return regressor


def train_places(
    config: ExpressiveConfig, samples: Samples, model: SkinnedBody, training: ExpressiveTraining, run: TrainingRun
) -> ExpressiveRegressor:
    """An encoder, joints and boxes that know where things are; the heads are still untrained."""
    torch.manual_seed(run.seed)
    regressor = ExpressiveRegressor(replace(config, body=model.family)).to(run.device)
    return _fit(regressor, localisation_loss, samples, model, training.places, training.augment, run)


def train_expressive(
    config: ExpressiveConfig, samples: Samples, model: SkinnedBody, training: ExpressiveTraining, run: TrainingRun,
    start_from: ExpressiveRegressor | None = None,
) -> ExpressiveRegressor:  # fmt: skip
    """On labelled pictures; parts whose label is not known (``part_known``) are not learnt from. Resumes from the run's folder.

    start_from: a regressor of any member of the family whose encoder, joints and boxes are where training begins.

    Raises ValueError for pictures of another size than the configuration's, or when no label is known at all.
    """
    torch.manual_seed(run.seed)
    config = replace(config, body=model.family)
    network = ExpressiveRegressor(config if start_from is None else without_downloads(config))
    regressor = network.to(run.device)
    if start_from is not None:
        for name in LOCALISATION:
            getattr(regressor, name).load_state_dict(getattr(start_from, name).state_dict())
    return _fit(regressor, expressive_loss, samples, model, training.bodies, training.augment, run)


def train_in_stages(
    config: ExpressiveConfig, training: ExpressiveTraining, samples: Samples, model: SkinnedBody, run: TrainingRun
) -> ExpressiveRegressor:
    """Places, then bodies. Resumes from the run's folder, also when the first stage had finished.

    Raises ValueError when the run has no folder to keep the first stage in.
    """
    if run.folder is None:
        raise ValueError("training in stages needs a folder to keep the first stage in")
    finished = run.folder / "places.safetensors"
    if finished.exists():
        start = ExpressiveRegressor(without_downloads(replace(config, body=model.family))).to(run.device)
        load_model(start, finished)
    else:
        start = train_places(config, samples, model, training, run.of_stage("places"))
        with write_atomically(finished) as partial:
            save_model(start, str(partial))
    return train_expressive(config, samples, model, training, run.of_stage("bodies"), start)
