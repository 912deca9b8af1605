"""Train a regressor of bodies with hands: one fit, by accelerate's rules as every other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from hmr.expressive import ExpressiveModel
from hmr.expressive.samples import ExpressiveSamples
from hmr.networks.fit import BatchRandom, FitConfig, Report, fit
from regressors.expressive import ExpressiveConfig, ExpressiveRegressor
from regressors.expressive_loss import expressive_loss


def train_expressive(
    config: ExpressiveConfig,
    samples: ExpressiveSamples,
    model: ExpressiveModel,
    training: FitConfig,
    seed: int,
    report: Report,
    device: torch.device | None = None,
    state_folder: Path | None = None,
) -> ExpressiveRegressor:
    """On labelled pictures; parts whose label is not known (``part_known``) are not learnt from. Resumes from ``state_folder``.

    Raises ValueError for pictures of another size than the configuration's, or when no label is known at all.
    """
    if samples.size != config.size:
        raise ValueError(f"the configuration is for {config.size} px crops, the pictures are {samples.size} px")
    if not bool(samples.part_known.any()):
        raise ValueError("no part of any label is known: there is nothing to learn from")
    device = device or torch.device("cpu")
    torch.manual_seed(seed)
    regressor = ExpressiveRegressor(config).to(device)

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
        return expressive_loss(regressor(rgb, batch.K), batch, model)

    fit(regressor, loss, len(samples), training, seed, report, state_folder)
    return regressor
