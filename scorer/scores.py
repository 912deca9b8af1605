"""Scores and how a raw score becomes an expected error."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import isotonic_regression
from torch import Tensor


@dataclass(frozen=True)
class Scores:
    """value: (b, n) raw, higher is better: the paper's score. displacement_mm: (b, n, 29) how far each keypoint seems to be off.
    expected_error_mm: (b, n) PVE from value, lower is better; comparable across pictures. interval_mm: (b, n) each, where nine
    in ten such errors lie. gross_probability: (b, n) that some keypoint is grossly off (``scorer.candidates.GROSS_MM``).
    """

    key: tuple[str, ...]
    value: Tensor
    displacement_mm: Tensor
    expected_error_mm: Tensor
    interval_mm: tuple[Tensor, Tensor]
    gross_probability: Tensor


@dataclass(frozen=True)
class Calibration:
    """Monotone maps from raw score to expected PVE and to the bounds of its 90 % interval, as knots; linear between them,
    constant outside."""

    score: tuple[float, ...] = (-1.0, 1.0)
    error_mm: tuple[float, ...] = (1.0, 0.0)
    low_mm: tuple[float, ...] = (1.0, 0.0)
    high_mm: tuple[float, ...] = (1.0, 0.0)

    def _map(self, value: Tensor, knots: tuple[float, ...]) -> Tensor:
        return torch.from_numpy(np.interp(value.numpy(), np.array(self.score), np.array(knots)).astype(np.float32))

    def __call__(self, value: Tensor) -> Tensor:
        return self._map(value, self.error_mm)

    def interval_mm(self, value: Tensor) -> tuple[Tensor, Tensor]:
        """Nine in ten candidates of such a score lay between these."""
        return self._map(value, self.low_mm), self._map(value, self.high_mm)


def _falling(values: np.ndarray) -> tuple[float, ...]:
    """The nearest sequence that falls, strictly, so that no ranking changes."""
    fitted = isotonic_regression(values, increasing=False).x
    return tuple(float(v) for v in fitted - 1e-3 * max(float(values.std()), 1e-6) * np.linspace(0, 1, len(values)))


def fit_calibration(score: np.ndarray, error_mm: np.ndarray, knots: int = 40) -> Calibration:
    """Held-out (n,) scores and errors, in ``knots`` groups of like scores: mean error, and its 5 % and 95 % quantiles, each made
    to fall with the score (isotonic regression)."""
    order = np.argsort(score)
    edges = np.linspace(0, len(score), min(knots, len(score)) + 1).astype(int)
    groups = [order[a:b] for a, b in itertools.pairwise(edges) if b > a]
    x = np.array([score[g].mean() for g in groups]) + np.arange(len(groups)) * 1e-9
    mean = np.array([error_mm[g].mean() for g in groups])
    low, high = (np.array([np.quantile(error_mm[g], q) for g in groups]) for q in (0.05, 0.95))
    return Calibration(tuple(float(v) for v in x), _falling(mean), _falling(low), _falling(high))
