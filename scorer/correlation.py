"""How well scores order errors: PLCC and SRCC (ADHMR section 5.1), pooled and within pictures."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata


def pearson(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Along the last axis; NaN where one of the two is constant."""
    a, b = a - a.mean(-1, keepdims=True), b - b.mean(-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (a * b).sum(-1) / np.sqrt((a**2).sum(-1) * (b**2).sum(-1))


def spearman(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Rank correlation along the last axis."""
    return pearson(rankdata(a, axis=-1), rankdata(b, axis=-1))


def partial_correlation(ab: np.ndarray, ac: np.ndarray, bc: np.ndarray) -> np.ndarray:
    """Correlation of a and b given c, NaN where c explains one of them fully: what a scorer adds to the blind medoid."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return (ab - ac * bc) / np.sqrt((1 - ac**2) * (1 - bc**2))
