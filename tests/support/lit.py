"""People with made-up sight, for tests of what looks through a frozen network."""

from __future__ import annotations

import torch

from adhmr.world.people import People, make_people
from adhmr.world.people_config import PeopleConfig
from hmr.free_body import free_body
from hmr.networks.config import BlocksConfig, LitBranchConfig, PromptBranchConfig
from hmr.sight import COARSE, FINE, HEAT, LANDMARKS, Sight
from hmr.training.config import DetectorNoise, LitMarks
from hmr.training.lit_people import LitPeople
from hmr.training.prompted_people import PromptedPeople

BODY = free_body(1200)
LIT = LitBranchConfig(PromptBranchConfig(width=32, depth=1, channels=16, tokens=2), squeezed=4, seen=16)
BLOCKS = BlocksConfig(width=16, depth=1, heads=2, ffn=16)


def made_up_sight(count: int, seed: int = 0) -> Sight:
    generator = torch.Generator().manual_seed(seed)
    maps = [torch.rand(count, c, cells, cells, generator=generator) for c, cells in (COARSE, FINE, HEAT)]
    points = torch.rand(count, LANDMARKS, 3, generator=generator)
    return Sight(*maps, points, torch.randn(count, LANDMARKS, 3, generator=generator), torch.ones(count).bool())


def lit_people(count: int, seed: int = 0) -> tuple[People, LitPeople]:
    people = make_people(PeopleConfig(), count, seed, BODY)
    prompted = PromptedPeople.of(people.uv, people.inside, people.K, people.label, BODY, DetectorNoise())
    detected = torch.cat([people.uv, people.inside[..., None].float()], -1) * people.inside[..., None]
    return people, LitPeople(prompted, made_up_sight(count, seed).small(), detected, LitMarks())


class MadeUpEyes:
    """It sees something everywhere, and counts how often it looks."""

    looked = 0

    def look(self, pictures, keypoints_px):
        del keypoints_px
        type(self).looked += len(pictures)
        return made_up_sight(len(pictures))
