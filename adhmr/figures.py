"""Every figure that is reported: a value, its 95 % interval by bootstrap over pictures, and n."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict

import numpy as np

RESAMPLES = 1000
Statistic = Callable[..., np.ndarray]


class Figure(TypedDict):
    value: float
    low: float
    high: float
    n: int


def bootstrap(statistic: Statistic, *columns: np.ndarray) -> Figure:
    """statistic: maps columns (..., n) to (...) along the last axis. Pictures are resampled together in all columns, so
    that a difference of columns is a paired comparison. The resamples are the same for the same n."""
    n = len(columns[0])
    if n == 0:
        return Figure(value=float("nan"), low=float("nan"), high=float("nan"), n=0)
    rows = np.random.default_rng(0).integers(n, size=(RESAMPLES, n))
    resampled = statistic(*(column[rows] for column in columns))
    low, high = np.nanpercentile(resampled, [2.5, 97.5])
    return Figure(value=round(float(statistic(*columns)), 4), low=round(float(low), 4), high=round(float(high), 4), n=n)


def mean(column: np.ndarray) -> np.ndarray:
    return np.nanmean(column, -1)


def mean_figure(column: np.ndarray) -> Figure:
    """Mean over pictures; pictures without a value (NaN) count in n but not in the mean."""
    return bootstrap(mean, column)


def percent_change(new: np.ndarray, old: np.ndarray) -> np.ndarray:
    """100 (mean new / mean old - 1)."""
    return 100 * (mean(new) / mean(old) - 1)


def single(value: float, n: int = 1) -> Figure:
    """A figure without an interval (a duration, a count)."""
    return Figure(value=round(float(value), 4), low=round(float(value), 4), high=round(float(value), 4), n=n)


def show(figure: Figure, digits: int = 1) -> str:
    """ "123.4 [120.0, 127.1]"."""
    return f"{figure['value']:.{digits}f} [{figure['low']:.{digits}f}, {figure['high']:.{digits}f}]"
