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
    expected_error_mm: (b, n) PVE from value, lower is better; comparable across pictures. gross_probability: (b, n) that
    some keypoint is grossly off in its picture (``scorer.candidates.GROSS_MM``).
    """

    key: tuple[str, ...]
    value: Tensor
    displacement_mm: Tensor
    expected_error_mm: Tensor
    gross_probability: Tensor


@dataclass(frozen=True)
class Calibration:
    """A monotone map from raw score to expected PVE, as knots; linear between them, constant outside."""

    score: tuple[float, ...] = (-1.0, 1.0)
    error_mm: tuple[float, ...] = (1.0, 0.0)

    def __call__(self, value: Tensor) -> Tensor:
        error = np.interp(value.numpy(), np.array(self.score), np.array(self.error_mm))
        return torch.from_numpy(error.astype(np.float32))


def fit_calibration(score: np.ndarray, error_mm: np.ndarray, knots: int = 40) -> Calibration:
    """Isotonic regression of error on score, (n,) each, held-out data, thinned to ``knots`` quantiles and kept strictly
    monotone, so that no ranking changes."""
    order = np.argsort(score)
    fitted = isotonic_regression(error_mm[order], increasing=False).x
    edges = np.linspace(0, len(score), knots + 1).astype(int)
    groups = [slice(a, b) for a, b in itertools.pairwise(edges) if b > a]
    x = np.array([score[order][g].mean() for g in groups])
    y = np.array([fitted[g].mean() for g in groups])
    slope = 1e-3 * max(float(error_mm.std()), 1e-6)
    y = y - slope * np.linspace(0, 1, len(y))
    x = x + np.arange(len(x)) * 1e-9
    return Calibration(tuple(float(v) for v in x), tuple(float(v) for v in y))
