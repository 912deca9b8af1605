"""A lit generator whose features learn too when it is finetuned: its policy begins at what the eyes saw.

The branch's own estimate stays: the denoiser's error is measured in its units, and a policy that could stretch them would win by
that alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from diffusion_hmr.denoiser import Denoiser
from diffusion_hmr.drawn import Drawn
from diffusion_hmr.generator import Generator
from diffusion_hmr.objective import DiffusionObjective
from hmr.body import BodyModel
from hmr.networks.conditions import Conditions, PictureRows
from hmr.networks.lit_branch import LitBranch
from hmr.networks.precision import autocast
from hmr.sight import Sight
from hmr.views import Views

_AT_ONCE = 256


@dataclass(frozen=True)
class Looked(PictureRows):
    """What a lit branch is given of b views: a ``Sight``'s tensors, marks (b, 24, 3), towards (b, 3)."""

    coarse: Tensor
    fine: Tensor
    heat: Tensor
    points: Tensor
    world_m: Tensor
    there: Tensor
    marks: Tensor
    towards: Tensor

    @classmethod
    def of(cls, sight: Sight, marks: Tensor, towards: Tensor) -> Looked:
        there = sight.there.float()
        return cls(sight.coarse, sight.fine, sight.heat, sight.points, sight.world_m, there, marks, towards)

    @property
    def inputs(self) -> tuple[Sight, Tensor, Tensor]:
        """As ``LitBranch.forward`` takes them."""
        sight = Sight(self.coarse, self.fine, self.heat, self.points, self.world_m, self.there > 0)
        return sight, self.marks, self.towards


class LookingBranch(nn.Module):
    """The part that stays: the eyes. Views to ``Looked``, and that to what the rest of the branch makes of it, as it is now."""

    conditions_type = Looked

    def __init__(self, lit: LitBranch) -> None:
        super().__init__()
        self.lit = lit

    @classmethod
    def of(cls, generator: Generator) -> LookingBranch:
        """Raises ValueError for a generator that does not look."""
        if not isinstance(generator.branch, LitBranch):
            raise ValueError("expected a generator that looks: only its features can learn with the denoiser")
        return cls(generator.branch)

    @property
    def channels(self) -> int:
        return self.lit.channels

    @property
    def eyes(self) -> Callable[[Views], Sight] | None:
        return self.lit.eyes

    def conditions_of_views(self, views: Views, device: torch.device) -> Looked:
        return Looked.of(*self.lit.inputs(views, device))

    @torch.no_grad()
    def conditions(self, looked: Looked) -> Conditions:
        """Of any number of people."""
        self.lit.eval()
        device = next(self.lit.parameters()).device
        with autocast(device):
            parts = [
                self.lit.conditions(*looked[start : start + _AT_ONCE].map(lambda x: x.to(device)).inputs)
                for start in range(0, len(looked), _AT_ONCE)
            ]
        return Conditions.cat(parts).map(lambda x: x.float().cpu())


class LookingDenoiser(nn.Module):
    """The policy: the branch's feature heads and the denoiser learn, the rest of the branch stays: its gradients are off."""

    def __init__(self, lit: LitBranch, denoiser: Denoiser) -> None:
        super().__init__()
        self.lit, self.denoiser = lit, denoiser
        lit.requires_grad_(False)
        for head in lit.feature_heads:
            head.requires_grad_(True)

    @property
    def objective(self) -> DiffusionObjective:
        return self.denoiser.objective

    def error(self, states: Tensor, conditions: Looked, noise: Tensor, t: Tensor) -> Tensor:
        return self.squared_errors(states, conditions, noise, t).mean(-1)

    def squared_errors(self, states: Tensor, conditions: Looked, noise: Tensor, t: Tensor) -> Tensor:
        return self.denoiser.squared_errors(states, self.lit.conditions(*conditions.inputs), noise, t)


class LookingGenerator:
    """What is finetuned: a lit generator behind a policy whose features learn. The generator itself is what has learnt then."""

    state_kind = Generator.state_kind

    def __init__(self, generator: Generator) -> None:
        """Raises ValueError for a generator that does not look."""
        self.generator = generator
        self.branch = LookingBranch.of(generator)
        self.denoiser = LookingDenoiser(self.branch.lit, generator.denoiser)

    def draw(
        self,
        conditions: Looked,
        K: Tensor,
        model: BodyModel,
        count: int,
        seed: int,
        places: Sequence[int] | None = None,
    ) -> Drawn:
        return self.generator.draw(self.branch.conditions(conditions), K, model, count, seed, places)
