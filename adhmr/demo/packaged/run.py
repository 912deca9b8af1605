"""A run of the demo from packaged weights: its networks, and its sets of people."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from adhmr.commands.predict import PACKAGED_GENERATOR
from adhmr.demo.packaged.config import PackagedConfig, PeopleWorld
from adhmr.demo.run import StagedRun
from adhmr.loading import PACKAGED_SCORER, scorer_folder
from adhmr.world.people import People, make_people
from adhmr.world.pictured_people import pictures_of
from diffusion_hmr import Generator
from hmr.networks.prompt_branch import in_px
from hmr.samples import Samples
from hmr.skinned_body import SkinnedBody
from hmr.training.batch_random import BatchRandom
from hmr.training.detector_noise import detected
from hmr.views import Prompts, Views
from scorer import Scorer

#: Sets of people, in the order of their seeds.
_SETS = ("photographs", "target", "source", "checked", "to-clean", "test-target", "test-source")


@dataclass(frozen=True)
class MarkedPeople:
    """The same people in crops of two sizes, as the generator and as the scorer see them.

    Attributes:
        told: at the generator's size.
        seen: at the scorer's.
    """

    told: Samples
    seen: Samples

    def __len__(self) -> int:
        return len(self.told)

    def __getitem__(self, rows: slice) -> MarkedPeople:
        return MarkedPeople(self.told[rows], self.seen[rows])


def marked_people(world: PeopleWorld, count: int, seed: int, body: SkinnedBody) -> tuple[People, Tensor]:
    """People, and (n, 24, 3) what the detector marks of them: u, v, confidence."""
    people = make_people(world.people, count, seed, body)
    return people, detected(people.uv, people.inside, world.marks, BatchRandom(seed, torch.device("cpu")))


def in_crops(people: People, marks: Tensor, size: int, prefix: str, rgb: Tensor | None, body: SkinnedBody) -> Samples:
    """People and their marks in crops of ``size`` px. rgb: their pictures; without it black ones that take no memory."""
    n = len(people.K)
    if rgb is None:
        rgb = torch.zeros(1, 3, size, size, dtype=torch.uint8).expand(n, -1, -1, -1)
    K = torch.diag(torch.tensor([size, size, 1.0])) @ people.K
    views = Views.whole(tuple(f"{prefix}-{i:05d}" for i in range(n)), rgb, K)
    said = replace(views, prompts=Prompts(in_px(marks, size)))
    return Samples.of(said, people.label, "synthetic", body=body.family)


@dataclass
class PackagedRun(StagedRun):
    """The demo from packaged weights. A set of people follows from its seed, so none lies in a file."""

    config: PackagedConfig

    def seed_of(self, name: str) -> int:
        """No person is in two sets, and none of a set of another seed."""
        return 500_000 + 100 * self.seed + _SETS.index(name)

    @cached_property
    def generator(self) -> Generator:
        """The packaged one: nobody changes it."""
        return Generator.from_pretrained(PACKAGED_GENERATOR)

    @cached_property
    def scorer(self) -> Scorer:
        """The packaged one, without its eyes: what it says is the same wherever a detector's weights are not kept."""
        return Scorer.from_pretrained(scorer_folder(PACKAGED_SCORER))

    def people(self, name: str, pictured: int = 0) -> MarkedPeople:
        """A set by its name. pictured: of so many of the first there are pictures, and only those are returned."""
        world, count = self._world(name)
        people, marks = marked_people(world, count, self.seed_of(name), self.body)
        if pictured:
            rows = slice(0, pictured)
            people, marks = people[rows], marks[rows]

        def crops(size: int) -> Samples:
            rgb = pictures_of(people, size, self.seed_of(name), self.body) if pictured else None
            return in_crops(people, marks, size, name, rgb, self.body)

        return MarkedPeople(crops(self.generator.crop_size), crops(self.scorer.crop_size))

    def _world(self, name: str) -> tuple[PeopleWorld, int]:
        sizes = self.config.sizes
        count = {
            "target": sizes.target, "source": sizes.source, "checked": sizes.checked, "to-clean": sizes.to_clean,
            "test-target": sizes.test, "test-source": sizes.test_source,
        }[name]  # fmt: skip
        return self.config.source if name.endswith("source") else self.config.target, count
