"""What a branch says of a person: its own estimate of the body, and the conditions of the networks that come after.

A branch looks at pictures (``image_branch``) or at marks (``prompt_branch``); nothing that comes after knows which.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol, Self, TypeVar

import torch
from torch import Tensor

from hmr.networks.precision import autocast
from hmr.pose_state import PoseState
from hmr.views import Views


@dataclass(frozen=True)
class Estimate:
    """The branch's own body: state.uvd (b, 29, 3), state.twist (b, 23, 2), shape (b, 10), extent (b,) metres.

    uvd_scale (b, 29, 3): by how much it expects each coordinate of uvd to be off (scale of a Laplace distribution).
    heatmaps (b, 29, h, w): logits over the cells of the local map, whose mean cell uv is; None of a branch that sees no picture.
    """

    state: PoseState
    uvd_scale: Tensor
    shape: Tensor
    extent: Tensor
    heatmaps: Tensor | None = None

    def detach(self) -> Estimate:
        state = PoseState(self.state.uvd.detach(), self.state.twist.detach())
        heatmaps = None if self.heatmaps is None else self.heatmaps.detach()
        return Estimate(state, self.uvd_scale.detach(), self.shape.detach(), self.extent.detach(), heatmaps)


@dataclass(frozen=True)
class PictureRows:
    """Tensors of b pictures, a row for each; what a branch says of pictures is one of these. Subclasses name the tensors."""

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        return type(self)(*(function(getattr(self, f.name)) for f in fields(self)))

    def __getitem__(self, rows: Any) -> Self:
        return self.map(lambda x: x[rows])

    def __len__(self) -> int:
        return len(getattr(self, fields(self)[0].name))

    @classmethod
    def cat(cls, parts: Sequence[Self]) -> Self:
        return cls(*(torch.cat([getattr(p, f.name) for p in parts]) for f in fields(cls)))


@dataclass(frozen=True)
class Conditions(PictureRows):
    """All that a denoiser or a regressor sees of b pictures; small enough to be kept for a whole dataset.

    memory (b, m, c): global tokens and one token of the crop's camera. local (b, 52, c): features at the own keypoints
    (29) and at the middles of the own bones (23). own (b, 133): packed own state. own_scale (b, 133): by how much each of its
    numbers is expected to be off (1 for twists, of which nothing is expected). shape (b, 10). extent (b,).
    """

    memory: Tensor
    local: Tensor
    own: Tensor
    own_scale: Tensor
    shape: Tensor
    extent: Tensor

    @classmethod
    def of(cls, memory: Tensor, local: Tensor, own: Estimate) -> Conditions:
        """What a branch gives, with its own estimate."""
        own_scale = PoseState(own.uvd_scale, torch.ones_like(own.state.twist)).pack()
        return cls(memory.float(), local.float(), own.state.pack(), own_scale, own.shape, own.extent)


Kept = TypeVar("Kept", bound=PictureRows, covariant=True)


class Branch(Protocol[Kept]):
    """What denoisers, alignment and scorers ask of a branch, a module. ``Kept`` is what it says of pictures."""

    @property
    def conditions_type(self) -> type[Kept]: ...

    @property
    def channels(self) -> int:
        """Width of its features."""
        ...

    def conditions_of_views(self, views: Views, device: torch.device) -> Kept:
        """Of views that fit into memory, on ``device``, where the branch is."""
        ...

    def eval(self) -> Any: ...
    def parameters(self) -> Iterator[Any]: ...
    def state_dict(self) -> dict[str, Any]: ...


#: Pixels of views that a branch looks at together, and views at most: what it makes on the way is much larger than they are.
_PIXELS_AT_ONCE, _VIEWS_AT_ONCE = 2**21, 256


def conditions_in_parts(branch: Branch[Kept], views: Views) -> Iterator[tuple[slice, Kept]]:
    """The frozen branch over all views, some rows at a time; on the CPU, in float32."""
    branch.eval()
    device = next(iter(branch.parameters())).device
    at_once = max(min(_PIXELS_AT_ONCE // views.size**2, _VIEWS_AT_ONCE), 1)
    for start in range(0, len(views), at_once):
        rows = slice(start, start + at_once)
        with torch.no_grad(), autocast(device):
            part = branch.conditions_of_views(views[rows], device)
        yield rows, part.map(lambda x: x.float().cpu())


def conditions_of(branch: Branch[Kept], views: Views) -> Kept:
    """The frozen branch over all views, in memory."""
    return branch.conditions_type.cat([part for _, part in conditions_in_parts(branch, views)])
