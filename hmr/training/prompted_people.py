"""People without pictures: what a detector would mark of them, and their bodies. It is all that a prompted branch learns from."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import torch
from torch import Tensor

from hmr.body import BodyModel, BodyParams
from hmr.camera import bearing
from hmr.networks.branch_loss import Targets
from hmr.pose_state import crop_extent, state_from_body
from hmr.training.batch_random import BatchRandom
from hmr.training.config import DetectorNoise
from hmr.training.detector_noise import detected


@dataclass(frozen=True)
class PromptedPeople:
    """n people in crops; their marks are made anew each time that they are loaded.

    Attributes:
        uv: (n, 24, 2) where people who mark ``PROMPT_POINTS`` would mark them, across the crop from -1 to 1.
        inside: (n, 24) which of them are inside the photograph.
        towards: (n, 3) of the crops' cameras, as ``hmr.camera.bearing`` has it.
        targets: their bodies.
        noise: of the detector.
    """

    uv: Tensor
    inside: Tensor
    towards: Tensor
    targets: Targets
    noise: DetectorNoise

    @classmethod
    def of(
        cls, uv: Tensor, inside: Tensor, K: Tensor, label: BodyParams, model: BodyModel, noise: DetectorNoise
    ) -> PromptedPeople:
        """K (n, 3, 3) of crops one unit wide; label [n]."""
        state = state_from_body(label, model, K, 1).pack()
        targets = Targets(state, label.shape, crop_extent(label.t_cam_root, K, 1))
        return cls(uv, inside, bearing(K, 1), targets, noise)

    def __len__(self) -> int:
        return len(self.uv)

    def __getitem__(self, rows: Tensor) -> PromptedPeople:
        return PromptedPeople(
            self.uv[rows], self.inside[rows], self.towards[rows], self.targets[rows], self.noise
        )  # fmt: skip

    def load(self, rows: Tensor, random: BatchRandom) -> PromptBatch:
        marks = detected(self.uv[rows], self.inside[rows], self.noise, random)
        return PromptBatch(marks, self.towards[rows], self.targets[rows])


@dataclass(frozen=True)
class PromptBatch:
    """marks (b, 24, 3): u, v and confidence. towards (b, 3). targets of b people."""

    marks: Tensor
    towards: Tensor
    targets: Targets

    @property
    def inputs(self) -> tuple[Tensor, Tensor]:
        """What a prompt branch is given."""
        return self.marks, self.towards

    def to(self, device: torch.device) -> Self:
        return type(self)(*(getattr(self, f.name).to(device) for f in fields(self)))
