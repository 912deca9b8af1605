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
        sight: of their pictures, as small as it is kept (``Sight.small``).
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
        return LitBatch(self.sight[rows].large(lit), marks * kept[..., None], simulated.towards, simulated.targets)

    def __getitem__(self, rows: Tensor) -> LitPeople:
        return LitPeople(self.people[rows], self.sight[rows], self.detected[rows], self.marks)

    def shown(self, rows: Tensor, marks: Tensor, lit: Tensor) -> LitBatch:
        """Some rows with these marks (b, 24, 3), seen where ``lit`` (b,)."""
        sight = self.sight[rows].large(lit)
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
