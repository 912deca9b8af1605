"""The demo's budgets from packaged weights: every size and step count, fixed so that a seed repeats."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from adhmr.world.people_config import PeopleConfig
from adhmr.world.photographs import PhotographConfig
from dpo.config import AlignConfig
from hmr.training.config import DetectorNoise, FitConfig

#: What demo.json calls this demo.
KIND = "packaged weights"


@dataclass(frozen=True)
class PeopleSizes:
    """People. target: unlabelled, for alignment. source: exactly labelled, replayed beside. checked: labels that somebody looked
    at, for the cleaning's threshold. test, test_source: for the figures."""

    target: int = 1000
    source: int = 1000
    checked: int = 300
    to_clean: int = 600
    test: int = 240
    test_source: int = 80


@dataclass(frozen=True)
class PeopleWorld:
    """Who stands before the camera, and the detector that marks them."""

    people: PeopleConfig = field(default_factory=PeopleConfig)
    marks: DetectorNoise = field(default_factory=DetectorNoise)


#: A good detector's: it takes nobody's left for their right.
_GOOD_DETECTOR = DetectorNoise(
    sigma=(0.003, 0.012), human=0.0, gross=0.0, swapped=0.0, pair_swapped=0.0, withheld=0.0, nothing=0.0
)
#: Fewer gestures near the table, more people upside down and bent over, and nobody whom a human marked.
_ATHLETES = PeopleConfig(everyday=0.0, any_rotation=0.3, tilted=0.3, truncated=0.15)
_DETECTOR = DetectorNoise(human=0.0)


def _gently(steps: int, pictures: int) -> AlignConfig:
    fit = FitConfig(steps=steps, batch_size=48, lr=2e-4, weight_decay=0.0)
    return AlignConfig(fit=fit, pictures_per_round=pictures, diversity=0.7)


@dataclass(frozen=True)
class PackagedConfig:
    """Everything of a run.

    Attributes:
        photographs: how many are made, of which look (``made``).
        marks: of the detector that looks at them.
        source: the people that the generator learnt from.
        target: athletes, to whom it is aligned.
        sizes: of the sets of people.
        align: the recipe.
        candidates: M.
        pairs: people whose pairs are written and checked.
    """

    photographs: int = 8
    made: PhotographConfig = field(default_factory=PhotographConfig)
    marks: DetectorNoise = field(default_factory=lambda: _GOOD_DETECTOR)
    source: PeopleWorld = field(default_factory=PeopleWorld)
    target: PeopleWorld = field(default_factory=lambda: PeopleWorld(_ATHLETES, _DETECTOR))
    sizes: PeopleSizes = field(default_factory=PeopleSizes)
    align: AlignConfig = field(default_factory=lambda: _gently(48, 40))
    candidates: int = 10
    pairs: int = 100


def packaged_budget(name: str) -> PackagedConfig:
    """ "quick" (minutes on 2 cores) or "tiny" (seconds, for tests). Raises ValueError for another name."""
    if name == "quick":
        return PackagedConfig()
    if name == "tiny":
        few = replace(_gently(2, 4), pairs_per_picture=2, candidates=4, refresh_every=2, replay_batch=4)
        return PackagedConfig(
            photographs=2,
            made=PhotographConfig(size=128),
            sizes=PeopleSizes(12, 8, 24, 24, 6, 4),
            align=replace(few, fit=replace(few.fit, batch_size=4)),
            candidates=4,
            pairs=6,
        )
    raise ValueError(
        f"unknown budget '{name}': expected quick or tiny; full is of the demo that trains everything (--from_scratch)"
    )
