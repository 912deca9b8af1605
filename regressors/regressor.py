"""A deterministic regressor: an image branch and the generator's transformer with no noise to look at.

Trained with the same budget on the same features it is the fair opponent of the generator's mean sample.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from hmr.body import BodyModel, BodyParams, check_body
from hmr.hypotheses import Hypotheses
from hmr.networks.branch_loss import root_mean_square
from hmr.networks.checkpoint import Pretrained
from hmr.networks.conditions import Conditions, conditions_of
from hmr.networks.image_branch import ImageBranch
from hmr.networks.pose_network import PoseNetwork
from hmr.networks.precision import autocast
from hmr.pose_state import STATE_DIM, PoseState, body_from_state
from hmr.training.batch_random import BatchRandom
from hmr.training.batches import RowNumbers
from hmr.training.config import FitConfig
from hmr.training.fit import fit
from hmr.training.run import TrainingRun
from hmr.views import Views, check_crop_size
from regressors.config import RegressorConfig


class Regressor(Pretrained):
    """One body for a picture: the branch's own estimate plus a correction."""

    kind, config_type = "regressor", RegressorConfig

    def __init__(self, config: RegressorConfig) -> None:
        super().__init__()
        self.config = config
        self.branch = ImageBranch(config.branch, config.size)
        self.head = PoseNetwork(config.head, config.branch.encoder.channels)
        self.register_buffer("residual_std", torch.ones(STATE_DIM))
        self.residual_std: Tensor

    def state(self, conditions: Conditions) -> Tensor:
        """(b, 133) packed states."""
        blank = torch.zeros(len(conditions), 1, STATE_DIM, device=conditions.own.device)
        correction = self.head(blank, None, self.head.condition(conditions))[:, 0].float()
        return conditions.own + correction * self.residual_std

    @torch.no_grad()
    def bodies(self, conditions: Conditions, K: Tensor, model: BodyModel, chunk: int = 512) -> BodyParams:
        """[b] bodies in the frame of the crops' cameras."""
        self.head.eval()
        device = self.residual_std.device
        parts = []
        for start in range(0, len(conditions), chunk):
            part = conditions[start : start + chunk]
            with autocast(device):
                packed = self.state(part.map(lambda x: x.to(device))).cpu()
            rows = slice(start, start + chunk)
            parts.append(
                body_from_state(PoseState.unpack(packed), part.shape, part.extent, K[rows], self.config.size, model)
            )
        return BodyParams.cat(parts)

    @property
    def crop_size(self) -> int:
        return self.config.size

    @property
    def crop_enlarge(self) -> float:
        return self.config.enlarge

    def propose(
        self, views: Views, model: BodyModel, count: int, seed: int, source: str, places: Sequence[int] | None = None
    ) -> Hypotheses:
        """One candidate for each picture, whatever ``count``, in the same type as the generator's."""
        del count, places
        check_body("regressor", self.config.body, model)
        params = self.bodies(conditions_of(self.branch, views), views.K, model)
        return Hypotheses(views.key, params.reshape_batch(len(views), 1), model.family, source, seed)

    def check_size(self, views: Views) -> None:
        check_crop_size("regressor", self.config.size, views.size)


def train_regressor_head(
    regressor: Regressor, conditions: Conditions, states: Tensor, config: FitConfig, run: TrainingRun
) -> Regressor:
    """Squared error of the normalised correction, on the frozen branch's features."""
    device = regressor.residual_std.device
    regressor.residual_std.copy_(root_mean_square(states - conditions.own))

    def loss(rows: Tensor, random: BatchRandom) -> tuple[Tensor, dict[str, Tensor]]:
        del random
        batch = conditions[rows].map(lambda x: x.to(device))
        error = (regressor.state(batch) - states[rows].to(device)) / regressor.residual_std
        return error.square().mean(), {}

    fit(regressor.head, loss, RowNumbers(len(states)), config, run)
    return regressor
