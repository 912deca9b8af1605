"""What pairs, alignment and evaluation ask of a generator, ours or a released one; and which one lies in a folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, Self, TypeGuard, TypeVar

import torch
from torch import Tensor

from diffusion_hmr.drawn import Drawn
from diffusion_hmr.generator import Generator
from diffusion_hmr.released.generator import ReleasedGenerator
from hmr.body import BodyModel, BodyParams
from hmr.detection.eyes import eyes_or_none
from hmr.estimator import Estimator
from hmr.networks.checkpoint import kind_of
from hmr.networks.conditions import Branch, PictureRows
from hmr.networks.lit_branch import LitBranch
from hmr.training.batch_random import BatchRandom
from hmr.training.config import TimestepWeighting

#: What a generator's branch says of pictures and its denoiser is conditioned on.
Seen = TypeVar("Seen", bound=PictureRows)
SeenBy = TypeVar("SeenBy", bound=PictureRows, contravariant=True)


class Objective(Protocol):
    """What preference optimisation asks of an objective: times to look at, and how much errors there count."""

    def times(self, count: int, draws: int, random: BatchRandom) -> Tensor: ...

    def weights(self, weighting: TimestepWeighting, t: Tensor) -> Tensor: ...


class Policy(Protocol[SeenBy]):
    """What is aligned: anything that says how far its prediction is off. It may be of any kind; no schedule is known here."""

    @property
    def objective(self) -> Objective: ...

    def error(self, states: Tensor, conditions: SeenBy, noise: Tensor, t: Tensor) -> Tensor:
        """States (b, n, d) under noise of the same shape at times (b, n) to (b, n): ``squared_errors`` averaged over d."""
        ...

    def squared_errors(self, states: Tensor, conditions: SeenBy, noise: Tensor, t: Tensor) -> Tensor:
        """The same for each dimension, (b, n, d): keypoints (29 x 3), then twists (23 x 2)."""
        ...


class Finetuned(Protocol[SeenBy]):
    """What preference optimisation asks of a generator."""

    @property
    def denoiser(self) -> Any:
        """The policy: a module that is a ``Policy``."""
        ...

    @property
    def state_kind(self) -> str:
        """What the numbers of its states are; states of another kind mean something else to it."""
        ...

    def draw(
        self,
        conditions: SeenBy,
        K: Tensor,
        model: BodyModel,
        count: int,
        seed: int,
        places: Sequence[int] | None = None,
    ) -> Drawn:
        """``count`` bodies of each picture, with the states that preferences over them are kept as.

        K: (b, 3, 3) of the crops. places: (b,) numbers that random numbers follow, beside the seed; without them the rows'.
        """
        ...


class PictureGenerator(Estimator, Finetuned[Seen], Protocol[Seen]):
    """A frozen branch that looks at pictures once, and a denoiser that is sampled from, and finetuned."""

    config: Any

    @property
    def branch(self) -> Branch[Seen]:
        """Pictures to conditions, which are kept (``hmr.networks.stored_conditions``)."""
        ...

    @property
    def is_prompted(self) -> bool: ...

    def sample_bodies(
        self, conditions: Seen, K: Tensor, model: BodyModel, count: int, seed: int, zero_noise: bool = False,
        places: Sequence[int] | None = None,
    ) -> BodyParams:  # fmt: skip
        """[b, count] bodies in the frame of the crops' cameras K (b, 3, 3).

        zero_noise: the deterministic mode. places: (b,) numbers that random numbers follow, beside the seed; without them the
        rows'.
        """
        ...

    def states_of(self, bodies: BodyParams, K: Tensor, model: BodyModel) -> Tensor:
        """[b, n] bodies to states (b, n, d)."""
        ...

    def bodies_of(self, states: Tensor, conditions: Seen, K: Tensor, model: BodyModel) -> BodyParams:
        """States (b, n, d) to bodies [b, n]."""
        ...

    def save_pretrained(self, folder: Path) -> None: ...
    def to(self, device: str | torch.device) -> Self: ...


def load_generator(folder: Path, offline: bool = False, tell: Callable[[str], None] = print) -> PictureGenerator[Any]:
    """One that looks through a frozen network gets its eyes, whose weights are fetched at their first use.

    Where they cannot be had it goes by what it is told alone, and says so.

    Raises ValueError when the folder holds no generator's checkpoint.
    """
    if kind_of(folder) == ReleasedGenerator.kind:
        return ReleasedGenerator.from_pretrained(folder)
    generator = Generator.from_pretrained(folder)
    if isinstance(generator.branch, LitBranch):
        generator.branch.eyes = eyes_or_none(f"the generator {folder.name}", offline, tell)
    return generator


def is_generator(estimator: Estimator) -> TypeGuard[PictureGenerator[Any]]:
    """Whether it proposes many bodies of a picture, rather than one."""
    return isinstance(estimator, Generator | ReleasedGenerator)
