"""What the rest of the house asks of a scorer, and how one is loaded from a folder whatever its kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from hmr.body import BodyModel
from hmr.detection.eyes import eyes_or_none
from hmr.hypotheses import Hypotheses
from hmr.networks.checkpoint import kind_of, weights_at
from hmr.networks.lit_branch import LitBranch
from hmr.views import Views
from scorer.released.hmr_scorer import ReleasedHmrScorer
from scorer.released.score_net import ReleasedScoreNet
from scorer.released.score_net_scorer import ReleasedScoreNetScorer
from scorer.scorer import PACKAGED, Scorer
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

    @property
    def says_errors(self) -> bool:
        """Whether it can say, once calibrated, how many millimetres a candidate is off; released scorers cannot."""
        ...

    def score(self, views: Views, hypotheses: Hypotheses, model: BodyModel, batch_size: int = 64) -> Scores: ...

    def score_uvd(self, views: Views, uvd: Tensor, known: Tensor, batch_size: int = 64) -> Scores: ...

    def to(self, device: str | torch.device) -> AnyScorer: ...


def load_scorer(name: Path | str, offline: bool = False, tell: Callable[[str], None] = print) -> AnyScorer:
    """A scorer's folder, the name of one that comes with the package, or a name on the Hugging Face Hub.

    One that looks through a frozen network gets its eyes, whose weights are fetched at their first use; where they cannot be
    had it judges by what it is told alone, and says so.

    Raises ValueError when there is no scorer's checkpoint.
    """
    folder = weights_at(name, PACKAGED)
    for released in (ReleasedHmrScorer, ReleasedScoreNetScorer):
        if kind_of(folder) == released.kind:
            return released.from_pretrained(folder)
    if kind_of(folder) == ReleasedScoreNet.kind:
        raise ValueError(
            f"{folder}: is a ScoreNet without the branch that it looks through; convert the released file again with `adhmr "
            "convert --kind score-net`"
        )
    scorer = Scorer.from_pretrained(folder)
    if isinstance(scorer.branch, LitBranch):
        scorer.branch.eyes = eyes_or_none(f"the scorer {name}", offline, tell)
    return scorer
