"""Scores and how a raw score becomes an expected error."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import isotonic_regression, minimize
from torch import Tensor, nn

from hmr.skeleton import PARTS

MAX_KNOTS = 64


@dataclass(frozen=True)
class Scores:
    """value: (b, n) raw, higher is better: the paper's score. displacement_mm: (b, n, 29) how far each keypoint seems to be off.
    expected_error_mm: (b, n) PVE from value, lower is better; comparable across pictures. interval_mm: (b, n) each, where nine
    in ten such errors lie. gross_probability: (b, n) that some keypoint is grossly off (``scorer.candidates.GROSS_MM``).
    in_plane_mm: (b, n, 29) how far each keypoint seems to be off across the crop; of a scorer that says it apart.
    """

    key: tuple[str, ...]
    value: Tensor
    displacement_mm: Tensor
    expected_error_mm: Tensor
    interval_mm: tuple[Tensor, Tensor]
    gross_probability: Tensor
    in_plane_mm: Tensor | None = None

    def part_mm(self, part: str) -> Tensor:
        """(b, n): how far the keypoints of one of ``hmr.skeleton.PARTS`` seem to be off, on average."""
        return self.displacement_mm[..., list(PARTS[part])].mean(-1)


@dataclass(frozen=True)
class Calibration:
    """Monotone maps from raw score to expected PVE and to the bounds of its 90 % interval, as knots; linear between them,
    constant outside. And of the raw log-odds of a gross error: sigmoid(gross_scale * log-odds + gross_offset), Platt 1999.

    Without knots nothing is known of errors: they are NaN.
    """

    score: tuple[float, ...] = ()
    error_mm: tuple[float, ...] = ()
    low_mm: tuple[float, ...] = ()
    high_mm: tuple[float, ...] = ()
    gross_scale: float = 1.0
    gross_offset: float = 0.0

    @property
    def is_known(self) -> bool:
        return len(self.score) > 0

    def _map(self, value: Tensor, knots: tuple[float, ...]) -> Tensor:
        if not knots:
            return torch.full_like(value, torch.nan)
        return torch.from_numpy(np.interp(value.numpy(), np.array(self.score), np.array(knots)).astype(np.float32))

    def __call__(self, value: Tensor) -> Tensor:
        return self._map(value, self.error_mm)

    def interval_mm(self, value: Tensor) -> tuple[Tensor, Tensor]:
        """Nine in ten candidates of such a score lay between these."""
        return self._map(value, self.low_mm), self._map(value, self.high_mm)

    def gross_probability(self, log_odds: Tensor) -> Tensor:
        """That some keypoint is grossly off; its order is that of the log-odds."""
        return (self.gross_scale * log_odds + self.gross_offset).sigmoid()


def fit_platt(log_odds: np.ndarray, happened: np.ndarray) -> tuple[float, float]:
    """Scale (above zero) and offset (Platt 1999) so that sigmoid(scale * log_odds + offset) is how often it ``happened``; (n,)
    each.

    Raises ValueError when it always happened, or never.
    """
    if not 0 < happened.sum() < len(happened):
        raise ValueError(
            f"a probability needs cases of both kinds to be calibrated; {happened.sum()} of {len(happened)} happened"
        )

    def loss(parameters: np.ndarray) -> float:
        z = np.exp(parameters[0]) * log_odds + parameters[1]
        return float((np.logaddexp(0, z) - happened * z).mean())

    log_scale, offset = minimize(loss, np.zeros(2), method="Nelder-Mead").x
    return float(np.exp(log_scale)), float(offset)


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


class CalibrationState(nn.Module):
    """A calibration as part of a scorer's state: it is saved and loaded with the weights."""

    knots: Tensor
    gross: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("knots", torch.full((4, MAX_KNOTS), torch.nan, dtype=torch.float64))
        self.register_buffer("gross", torch.tensor([1.0, 0.0], dtype=torch.float64))

    def set(self, calibration: Calibration) -> None:
        """Raises ValueError for more knots than there is room for."""
        if len(calibration.score) > MAX_KNOTS:
            raise ValueError(f"a calibration has at most {MAX_KNOTS} knots, got {len(calibration.score)}")
        knots = torch.full_like(self.knots, torch.nan)
        columns = (calibration.score, calibration.error_mm, calibration.low_mm, calibration.high_mm)
        for row, values in enumerate(columns):
            knots[row, : len(values)] = torch.tensor(values, dtype=knots.dtype, device=knots.device)
        self.knots.copy_(knots)
        self.gross.copy_(torch.tensor([calibration.gross_scale, calibration.gross_offset]))

    def get(self) -> Calibration:
        knots = self.knots.cpu()
        score, error, low, high = (tuple(row) for row in knots[:, ~knots[0].isnan()].tolist())
        scale, offset = self.gross.tolist()
        return Calibration(score, error, low, high, scale, offset)
