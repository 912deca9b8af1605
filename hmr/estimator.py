"""What the rest of the house asks of anything that proposes bodies: a generator of many, a regressor of one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import torch

from hmr.body import BodyModel
from hmr.files import sha256_of
from hmr.hypotheses import Hypotheses
from hmr.views import Views


class Estimator(Protocol):
    """A generator (ours, or a released one that was converted) or a regressor."""

    @property
    def crop_size(self) -> int:
        """Side in pixels of the square crops that it takes."""
        ...

    @property
    def crop_enlarge(self) -> float:
        """How many times a person's box the crops are."""
        ...

    def propose(
        self, views: Views, model: BodyModel, count: int, seed: int, source: str, places: Sequence[int] | None = None
    ) -> Hypotheses:
        """``count`` bodies for each picture; a regressor gives one, whatever ``count``.

        places: (b,) numbers that the candidates' random numbers follow, beside the seed; without them the rows'.
        """
        ...

    def check_size(self, views: Views) -> None:
        """Raises ValueError for pictures of another size."""
        ...

    def to(self, device: str | torch.device) -> Estimator: ...


def name_of(folder: Path) -> str:
    """What candidates of a checkpoint are called in files, so that pairs of another one are told apart."""
    return f"generator-{sha256_of(folder / 'model.safetensors')[:12]}"
