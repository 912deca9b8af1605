"""Train a regressor of bodies with hands, by accelerate's rules as everything here is trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_model, save_model
from torch import Tensor

from hmr.expressive import ExpressiveModel
from hmr.expressive.samples import ExpressiveSamples
from hmr.files import write_atomically
from hmr.networks.checkpoint import without_downloads
from hmr.networks.precision import full_precision
from hmr.training.batch_random import BatchRandom
from hmr.training.config import FitConfig
from hmr.training.fit import Report, fit
from regressors.config import ExpressiveConfig, ExpressiveTraining
from regressors.expressive import ExpressivePrediction, ExpressiveRegressor
from regressors.expressive_loss import expressive_loss, localisation_loss

Loss = Callable[[ExpressivePrediction, ExpressiveSamples, ExpressiveModel], tuple[Tensor, dict[str, Tensor]]]
#: What is the same in every member of the family and says where things are, not what they do.
LOCALISATION = ("encoder", "joints", "boxes")


def _fit(
    regressor: ExpressiveRegressor, loss_function: Loss, samples: ExpressiveSamples, model: ExpressiveModel, config: FitConfig,
    seed: int, report: Report, state_folder: Path | None,
) -> ExpressiveRegressor:  # fmt: skip
    device = next(regressor.parameters()).device
    if samples.size != regressor.config.size:
        raise ValueError(
            f"the configuration is for {regressor.config.size} px crops, the pictures are {samples.size} px"
        )
    if "none" in samples.label_kind:
        raise ValueError("a regressor is trained on labels, but some pictures have none")
    if not bool(samples.part_known.any()):
        raise ValueError("no part of any label is known: there is nothing to learn from")

    on_device = model.to(device)

    def loss(rows: Tensor, random: BatchRandom) -> tuple[Tensor, dict[str, Tensor]]:
        del random
        batch = samples[rows]
        rgb = batch.rgb.to(device).float() / 255
        batch = replace(
            batch,
            K=batch.K.to(device),
            label=batch.label.map(lambda x: x.to(device)),
            part_known=batch.part_known.to(device),
        )
        predicted = regressor(rgb, batch.K)
        with full_precision(device):
            return loss_function(predicted, batch, on_device)

    fit(regressor, loss, len(samples), config, seed, report, state_folder)
    return regressor


def train_places(
    config: ExpressiveConfig, samples: ExpressiveSamples, model: ExpressiveModel, training: FitConfig, seed: int,
    report: Report, device: torch.device | None = None, state_folder: Path | None = None,
) -> ExpressiveRegressor:  # fmt: skip
    """An encoder, joints and boxes that know where things are; the heads are still untrained."""
    torch.manual_seed(seed)
    regressor = ExpressiveRegressor(config).to(device or torch.device("cpu"))
    return _fit(regressor, localisation_loss, samples, model, training, seed, report, state_folder)


def train_expressive(
    config: ExpressiveConfig, samples: ExpressiveSamples, model: ExpressiveModel, training: FitConfig, seed: int,
    report: Report, start_from: ExpressiveRegressor | None = None, device: torch.device | None = None,
    state_folder: Path | None = None,
) -> ExpressiveRegressor:  # fmt: skip
    """On labelled pictures; parts whose label is not known (``part_known``) are not learnt from. Resumes from ``state_folder``.

    start_from: a regressor of any member of the family whose encoder, joints and boxes are where training begins.

    Raises ValueError for pictures of another size than the configuration's, or when no label is known at all.
    """
    torch.manual_seed(seed)
    network = ExpressiveRegressor(config if start_from is None else without_downloads(config))
    regressor = network.to(device or torch.device("cpu"))
    if start_from is not None:
        for name in LOCALISATION:
            getattr(regressor, name).load_state_dict(getattr(start_from, name).state_dict())
    return _fit(regressor, expressive_loss, samples, model, training, seed, report, state_folder)


def train_in_stages(
    config: ExpressiveConfig, training: ExpressiveTraining, samples: ExpressiveSamples, model: ExpressiveModel, seed: int,
    reports: tuple[Report, Report], device: torch.device, state_folder: Path,
) -> ExpressiveRegressor:  # fmt: skip
    """Places, then bodies. Resumes from ``state_folder``, also when the first stage had finished."""
    finished = state_folder / "places.safetensors"
    if finished.exists():
        start = ExpressiveRegressor(without_downloads(config)).to(device)
        load_model(start, finished)
    else:
        start = train_places(config, samples, model, training.places, seed, reports[0], device, state_folder / "places")
        with write_atomically(finished) as partial:
            save_model(start, str(partial))
    return train_expressive(
        config, samples, model, training.bodies, seed, reports[1], start, device, state_folder / "bodies"
    )
