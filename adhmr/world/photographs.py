"""Photographs of the synthetic world: one or two people in any pose."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from adhmr.world.people import make_people
from adhmr.world.people_config import PeopleConfig
from adhmr.world.pictured_people import looks_of_any_place
from hmr.body import BodyParams
from hmr.rendering.render import Looks, render
from hmr.skinned_body import SkinnedBody

#: One camera sees everybody, so that all stand on one floor, and no photograph ends in the middle of somebody.
_POSES = PeopleConfig(everyday=0.5, any_rotation=0.1, pitch=(0.08, 0.08), truncated=0.0)


@dataclass(frozen=True)
class PhotographConfig:
    """How photographs are made.

    Attributes:
        size: side in pixels.
        focal: length in sides of the photograph.
        height: how much of the photograph people take up, lowest and highest share.
        people: their poses.
    """

    size: int = 512
    focal: float = 1.3
    height: tuple[float, float] = (0.7, 0.85)
    people: PeopleConfig = field(default_factory=lambda: _POSES)

    @property
    def K(self) -> Tensor:
        """(3, 3) of all of them, pixels."""
        f, c = self.focal * self.size, self.size / 2
        return torch.tensor([[f, 0.0, c], [0.0, f, c], [0.0, 0.0, 1.0]])


@dataclass(frozen=True, eq=False)
class MadePhotograph:
    """rgb (s, s, 3) uint8; people: [p] bodies in the camera's frame."""

    rgb: np.ndarray
    people: BodyParams


def make_photographs(config: PhotographConfig, count: int, seed: int, model: SkinnedBody) -> list[MadePhotograph]:
    """Every second one is of two people. The same arguments give the same bytes."""
    crowds = [1 + i % 2 for i in range(count)]
    everybody = make_people(config.people, sum(crowds), seed, model).label
    rng, out, start = np.random.default_rng([seed, 1]), [], 0
    for crowd in crowds:
        people = _placed(config, everybody[start : start + crowd], rng, model)
        out.append(MadePhotograph(_pictured(config, people, rng, model), people))
        start += crowd
    return out


def _placed(config: PhotographConfig, people: BodyParams, rng: np.random.Generator, model: SkinnedBody) -> BodyParams:
    """Side by side, as large as ``height`` says and whole in the photograph."""
    count = people.batch_shape[0]
    at_origin = replace(people, t_cam_root=torch.zeros(count, 3))
    vertices = model.posed(at_origin).vertices
    low, high = vertices.amin(1), vertices.amax(1)
    wide, tall = (high - low)[:, :2].T
    share = torch.from_numpy(rng.uniform(*config.height, count).astype(np.float32))
    z = config.focal * torch.maximum(tall / share, wide / (0.9 / count)) - low[:, 2]
    columns = (torch.arange(count) + 0.5) / count
    middle_u = columns + torch.from_numpy(rng.uniform(-0.03, 0.03, count).astype(np.float32)) - 0.5
    x, y = middle_u * z / config.focal, 0.02 * z / config.focal
    centre = 0.5 * (low + high)
    return replace(people, t_cam_root=torch.stack([x - centre[:, 0], y - centre[:, 1], z], -1))


def _pictured(config: PhotographConfig, people: BodyParams, rng: np.random.Generator, model: SkinnedBody) -> np.ndarray:
    """All of them are rendered as one mesh, so that who is nearer hides who is farther."""
    vertices, faces = model.posed(people).vertices.numpy(), model.faces.numpy()
    count, corners = vertices.shape[:2]
    crowd = np.concatenate([faces + i * corners for i in range(count)])
    looks = _of_one_photograph(looks_of_any_place(rng, count, config.size, model))
    return render(vertices.reshape(1, -1, 3), crowd, config.K.numpy()[None], config.size, looks)[0]


def _of_one_photograph(looks: Looks) -> Looks:
    """Everybody in their own clothes at the place of the first, with nothing before them."""
    first = {name: getattr(looks, name)[:1] for name in Looks.__dataclass_fields__}
    dressed = {name: np.concatenate(list(getattr(looks, name)))[None] for name in ("vertex_rgb", "stripe")}
    return Looks(**{**first, **dressed, "occluders": np.zeros_like(first["occluders"])})
