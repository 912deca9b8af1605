"""People made, pictured and looked at: kept in a folder, some at a time, so that the work can be gone on with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from adhmr.world.people import People, make_people
from adhmr.world.people_config import PeopleConfig
from adhmr.world.pictured_people import pictures_of
from hmr.body_codec import read_arrays, write_arrays
from hmr.detection.eyes import Eyes
from hmr.detection.twice import looked_at_twice
from hmr.formats.motion.captured import Motion
from hmr.networks.prompt_branch import in_px
from hmr.sight import Sight
from hmr.skinned_body import SkinnedBody
from hmr.training.batch_random import BatchRandom
from hmr.training.config import DetectorNoise, LitMarks
from hmr.training.detector_noise import detected
from hmr.training.lit_people import LitPeople
from hmr.training.prompted_people import PromptedPeople

_CHUNK, _AT_ONCE = 512, 8
#: How a finder errs, by which the looks are turned; as MoveNet does.
_FINDER = DetectorNoise(sigma=(0.01, 0.05), human=0.0, withheld=0.0, swapped=0.05)


@dataclass(frozen=True)
class PictureMaker:
    """What people are made with.

    Attributes:
        config: their poses and cameras.
        body: their model.
        motion: motion capture that they take poses from, or None.
        size: side of their pictures in pixels.
    """

    config: PeopleConfig
    body: SkinnedBody
    motion: Motion | None
    size: int = 256

    def people(self, count: int, seed: int) -> People:
        return make_people(self.config, count, seed, self.body, self.motion)


def lit_people(
    maker: PictureMaker, eyes: Eyes, count: int, seed: int, folder: Path, at: Callable[[float], None]
) -> tuple[People, LitPeople]:
    """``count`` people and what eyes see of them. What lies in ``folder`` already is not made again.

    at: called with the share that is done.
    """
    people = maker.people(count, seed)
    sights, marks = [], []
    for number, start in enumerate(range(0, count, _CHUNK)):
        path = folder / f"{number:04d}.npz"
        if not path.exists():
            some = people[torch.arange(start, min(start + _CHUNK, count))]
            folder.mkdir(parents=True, exist_ok=True)
            write_arrays(path, _arrays(*_looked_at(maker, eyes, some, 1000 * seed + number)))
        sight, marked = _of_arrays(read_arrays(path))
        sights.append(sight)
        marks.append(marked)
        at(min((start + _CHUNK) / count, 1.0))
    prompted = PromptedPeople.of(people.uv, people.inside, people.K, people.label, maker.body, DetectorNoise())
    return people, LitPeople(prompted, Sight.cat(sights), torch.cat(marks), LitMarks())


def _looked_at(maker: PictureMaker, eyes: Eyes, people: People, seed: int) -> tuple[Sight, Tensor]:
    """What eyes see, and (n, 24, 3) what a detector marks: u, v, confidence."""
    size = maker.size
    pictures = pictures_of(people, size, seed, maker.body)
    found = detected(people.uv, people.inside, _FINDER, BatchRandom(seed, torch.device("cpu")))
    found_px = in_px(found, size)
    sights, marks = [], []
    for start in range(0, len(pictures), _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        sight, marked = looked_at_twice(eyes, pictures[rows].float() / 255, found_px[rows])
        sights.append(sight.small())
        marks.append(marked)
    px = torch.cat(marks)
    return Sight.cat(sights), torch.cat([px[..., :2] * (2 / size) - 1, px[..., 2:]], -1)


def _arrays(sight: Sight, marks: Tensor) -> dict[str, np.ndarray]:
    return {f.name: getattr(sight, f.name).numpy() for f in fields(Sight)} | {"detected": marks.numpy()}


def _of_arrays(arrays: dict[str, np.ndarray]) -> tuple[Sight, Tensor]:
    sight = Sight(*(torch.from_numpy(arrays[f.name]) for f in fields(Sight)))
    return sight, torch.from_numpy(arrays["detected"])
