"""People with what a frozen network sees of them, in pictures that are not needed any more: what a lit branch learns from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from hmr.networks.branch_loss import Targets
from hmr.sight import Sight
from hmr.training.batch_random import BatchRandom
from hmr.training.config import LitMarks
from hmr.training.prompted_people import PromptedPeople


@dataclass(frozen=True)
class LitPeople:
    """n people; what is marked of them, and whether anything is seen, is drawn anew each time that they are loaded.

    Attributes:
        people: their points and bodies.
        sight: of their pictures, as small as it is kept (half floats, bytes of 255 for heat).
        detected: (n, 24, 3) what a detector marked in the pictures: u, v, confidence.
        marks: which marks they are shown with.
    """

    people: PromptedPeople
    sight: Sight
    detected: Tensor
    marks: LitMarks

    def __len__(self) -> int:
        return len(self.people)

    def load(self, rows: Tensor, random: BatchRandom) -> LitBatch:
        simulated = self.people.load(rows, random)
        draw = random.uniform(len(rows), 5)
        marks = torch.where((draw[:, 0] < self.marks.detected)[:, None, None], self.detected[rows], simulated.marks)
        most = torch.where(draw[:, 1] < self.marks.thinned, draw[:, 2] / 3, 0.0)
        kept = random.uniform(len(rows), marks.shape[1]) >= most[:, None]
        kept &= (draw[:, 3] >= self.marks.nothing)[:, None]
        lit = draw[:, 4] >= self.marks.dark
        return LitBatch(as_seen(self.sight[rows], lit), marks * kept[..., None], simulated.towards, simulated.targets)

    def __getitem__(self, rows: Tensor) -> LitPeople:
        return LitPeople(self.people[rows], self.sight[rows], self.detected[rows], self.marks)

    def shown(self, rows: Tensor, marks: Tensor, lit: Tensor) -> LitBatch:
        """Some rows with these marks (b, 24, 3), seen where ``lit`` (b,)."""
        sight = as_seen(self.sight[rows], lit)
        return LitBatch(sight, marks, self.people.towards[rows], self.people.targets[rows])


@dataclass(frozen=True)
class WithUnseen:
    """People who are seen, and as many others of whom there is no picture: there are far more of those, and bodies to learn.

    Attributes:
        lit: n people; the others are drawn anew for each batch.
        unseen: any number.
    """

    lit: LitPeople
    unseen: PromptedPeople

    def __len__(self) -> int:
        return len(self.lit)

    def load(self, rows: Tensor, random: BatchRandom) -> LitBatch:
        seen = self.lit.load(rows, random)
        others = self.unseen.load(random.integers(len(self.unseen), len(rows)), random)
        return LitBatch(
            Sight.cat([seen.sight, Sight.nothing(len(rows))]),
            torch.cat([seen.marks, others.marks]),
            torch.cat([seen.towards, others.towards]),
            Targets.cat([seen.targets, others.targets]),
        )


@dataclass(frozen=True)
class LitBatch:
    """sight of b people, marks (b, 24, 3): u, v and confidence, towards (b, 3), targets."""

    sight: Sight
    marks: Tensor
    towards: Tensor
    targets: Targets

    @property
    def inputs(self) -> tuple[Sight, Tensor, Tensor]:
        """What a lit branch is given."""
        return self.sight, self.marks, self.towards

    def to(self, device: torch.device) -> Self:
        return type(self)(
            self.sight.map(lambda x: x.to(device)), self.marks.to(device), self.towards.to(device),
            self.targets.to(device),
        )  # fmt: skip


def kept_small(sight: Sight) -> Sight:
    """As it is kept: half floats, heat in bytes."""
    small = sight.map(lambda x: x.half() if x.is_floating_point() else x)
    return Sight(
        small.coarse, small.fine, (255 * sight.heat).round().to(torch.uint8), small.points, small.world_m, sight.there
    )


def as_seen(small: Sight, lit: Tensor) -> Sight:
    """Inverse of ``kept_small``; nothing is seen of people who are not lit (b,)."""
    sight = small.map(lambda x: x.float() if x.dtype != torch.bool else x)
    sight = Sight(sight.coarse, sight.fine, sight.heat / 255, sight.points, sight.world_m, sight.there)
    return sight.map(lambda x: x & lit if x.dtype == torch.bool else x * lit.view(-1, *[1] * (x.ndim - 1)))
