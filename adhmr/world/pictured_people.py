"""People in any pose before any camera, in pictures: what networks that look at prompts and at pictures learn from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from adhmr.world.domains import Domain
from adhmr.world.looks import sample_looks
from adhmr.world.people import People
from hmr.rendering.render import Looks, render
from hmr.skinned_body import SkinnedBody

_CHUNK = 64
#: Backdrops from plain to busy, things in the way, light from soft to hard.
_DOMAINS = tuple(
    Domain(
        yaw=np.pi, pitch=(-0.2, 0.6), clutter=clutter, occluders=occluders, occluder_size=(0.1, 0.35), light=(0.3, 0.8),
        noise=noise,
    )
    for clutter, occluders, noise in ((0.2, (0, 0), 0.01), (0.7, (0, 1), 0.02), (1.0, (0, 2), 0.04))
)  # fmt: skip


def pictures_of(people: People, size: int, seed: int, model: SkinnedBody) -> Tensor:
    """(n, 3, size, size) uint8, black beyond the photograph's borders. The same arguments give the same bytes."""
    parts = []
    for start in range(0, len(people.K), _CHUNK):
        rows = slice(start, start + _CHUNK)
        rng = np.random.default_rng([seed, start])
        K = torch.diag(torch.tensor([size, size, 1.0])) @ people.K[rows]
        vertices = model.posed(people.label[rows]).vertices.numpy()
        looks = looks_of_any_place(rng, len(K), size, model)
        pictures = render(vertices, model.faces.numpy(), K.numpy(), size, looks)
        parts.append(_ended(torch.from_numpy(pictures).permute(0, 3, 1, 2), people.borders_uv[rows]))
    return torch.cat(parts)


def looks_of_any_place(rng: np.random.Generator, count: int, size: int, model: SkinnedBody) -> Looks:
    """Of several domains, picture by picture."""
    of_each = [sample_looks(rng, count, domain, model, size) for domain in _DOMAINS]
    which = rng.integers(len(_DOMAINS), size=count)
    rows = np.arange(count)
    taken = {
        name: np.stack([getattr(one, name) for one in of_each])[which, rows] for name in Looks.__dataclass_fields__
    }
    return replace(of_each[0], **taken)


def _ended(pictures: Tensor, borders_uv: Tensor) -> Tensor:
    """Pictures (n, 3, s, s) of photographs that end at ``borders_uv`` (n, 4)."""
    size = pictures.shape[-1]
    centres = (torch.arange(size) + 0.5) * (2 / size) - 1
    across = (centres >= borders_uv[:, 0:1]) & (centres <= borders_uv[:, 2:3])
    down = (centres >= borders_uv[:, 1:2]) & (centres <= borders_uv[:, 3:4])
    return pictures * (down[:, None, :, None] & across[:, None, None, :])
