"""What the rest of the house asks of a scorer, and how one is loaded from a folder whatever its kind."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from hmr.body import BodyModel
from hmr.files import read_json
from hmr.hypotheses import Hypotheses
from hmr.views import Views
from scorer.released import hmr_scorer as released
from scorer.scorer import Scorer
from scorer.scores import Scores


class AnyScorer(Protocol):
    """Scores candidates of pictures: ours, or a released one that was converted."""

    @property
    def crop_size(self) -> int:
        """Side in pixels of the square crops that it is best given."""
        ...

    @property
    def crop_enlarge(self) -> float:
        """How many times a person's box the crops are."""
        ...

    def score(self, views: Views, hypotheses: Hypotheses, model: BodyModel, batch_size: int = 64) -> Scores: ...

    def score_uvd(self, views: Views, uvd: Tensor, known: Tensor, batch_size: int = 64) -> Scores: ...

    def to(self, device: str | torch.device) -> AnyScorer: ...


def load_scorer(folder: Path) -> AnyScorer:
    """Raises ValueError when the folder holds no scorer's checkpoint."""
    kind = read_json(folder / "config.json").get("kind") if (folder / "config.json").exists() else "scorer"
    if kind == released.CHECKPOINT_KIND:
        return released.ReleasedHmrScorer.from_pretrained(folder)
    return Scorer.from_pretrained(folder)
