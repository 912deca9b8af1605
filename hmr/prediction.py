"""What is predicted of people: their views, ranked candidates, scores, and the body that was chosen. Exporters, overlays, viewers
and notebooks take this one value."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from hmr.body import BodyParams
from hmr.hypotheses import Hypotheses
from hmr.pictures import Rows
from hmr.views import Views, check_same_pictures


@dataclass(frozen=True)
class Prediction:
    """Of p people, all of them seen by the cameras of ``views``.

    Attributes:
        views: a crop of each person, with the whole picture's camera.
        ranked: [p, n] candidates, the best first.
        score: (p, n), higher is better; falls along the second axis.
        expected_error_mm: (p, n) expected PVE; NaN where the scorer is not calibrated.
        estimate: [p] the body that is shown and exported.
    """

    views: Views
    ranked: Hypotheses
    score: Tensor
    expected_error_mm: Tensor
    estimate: BodyParams

    def __post_init__(self) -> None:
        check_same_pictures(self.views, self.ranked.key)
        shape = (len(self.views), self.ranked.count)
        for name in ("score", "expected_error_mm"):
            if tuple(getattr(self, name).shape) != shape:
                raise ValueError(f"Prediction.{name}: expected {shape}, got {tuple(getattr(self, name).shape)}")
        if tuple(self.estimate.batch_shape) != shape[:1]:
            raise ValueError(
                f"Prediction.estimate: expected [{shape[0]}] bodies, got {tuple(self.estimate.batch_shape)}"
            )

    def __len__(self) -> int:
        return len(self.views)

    def __getitem__(self, rows: Rows) -> Prediction:
        take = torch.arange(len(self))[rows] if isinstance(rows, slice) else torch.as_tensor(rows)
        return Prediction(
            self.views[take], self.ranked[take], self.score[take], self.expected_error_mm[take], self.estimate[take]
        )

    @classmethod
    def best_first(
        cls, views: Views, hypotheses: Hypotheses, score: Tensor, expected_error_mm: Tensor, estimate: BodyParams | None
    ) -> Prediction:
        """From candidates in any order; without an estimate the best one is it."""
        order = score.argsort(dim=1, descending=True, stable=True)
        ranked = hypotheses.reordered(order)
        chosen = ranked.params[:, 0] if estimate is None else estimate
        return cls(views, ranked, score.gather(1, order), expected_error_mm.gather(1, order), chosen)

    def with_estimate(self, estimate: BodyParams) -> Prediction:
        return replace(self, estimate=estimate)
