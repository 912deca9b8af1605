"""Labelled pictures as an image branch learns from them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hmr.body import BodyModel
from hmr.camera import bearing
from hmr.networks.branch_loss import Targets
from hmr.samples import Samples
from hmr.training.augment import Roll, augmented
from hmr.training.batch_random import BatchRandom
from hmr.training.config import AugmentConfig


@dataclass(frozen=True)
class PictureBatch:
    """rgb (b, 3, s, s) uint8, towards (b, 3) as ``bearing`` has it, and targets, of b pictures. roll: how they were moved."""

    rgb: Tensor
    towards: Tensor
    targets: Targets
    roll: Roll | None

    def to(self, device: torch.device) -> tuple[Tensor, Tensor, Targets]:
        """Pictures in [0, 1], and the rest."""
        return self.rgb.to(device).float() / 255, self.towards.to(device), self.targets.to(device)


@dataclass(frozen=True)
class LabelledPictures:
    """Pictures, augmented anew each time that they are loaded."""

    samples: Samples
    targets: Targets
    towards: Tensor
    augment: AugmentConfig

    @classmethod
    def of(cls, samples: Samples, model: BodyModel, augment: AugmentConfig) -> LabelledPictures:
        """Raises ValueError when pictures are to be turned whose pixels are not square."""
        check_pixels(samples, augment)
        return cls(samples, Targets.of(samples, model), bearing(samples.K, samples.size), augment)

    def __len__(self) -> int:
        return len(self.samples)

    def load(self, rows: Tensor, random: BatchRandom) -> PictureBatch:
        rgb, targets, towards = self.samples.rgb[rows], self.targets[rows], self.towards[rows]
        if not (self.augment.moves or self.augment.recolours):
            return PictureBatch(rgb, towards, targets, None)
        rgb, roll = augmented(rgb, self.augment, random)
        towards = bearing(roll.K(self.samples.K[rows], self.samples.size), self.samples.size)
        return PictureBatch(rgb, towards, roll.targets(targets), roll)


def check_pixels(samples: Samples, augment: AugmentConfig) -> None:
    """Raises ValueError when pictures are to be turned whose pixels are not square."""
    aspect = samples.K[:, 0, 0] / samples.K[:, 1, 1]
    if augment.rotation_deg > 0 and bool(((aspect - 1).abs() > 1e-3).any()):
        raise ValueError("rotation_deg: some pictures' pixels are not square (fx is not fy); give 0")
