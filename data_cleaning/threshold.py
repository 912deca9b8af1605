"""Choose a threshold on a checked sample."""

from __future__ import annotations

import numpy as np


def best_f1_threshold(badness: np.ndarray, gross: np.ndarray) -> float:
    """The threshold above which labels are dropped that has the highest F1 at dropping ``gross`` ones; (n,) each.

    It lies in the middle between two neighbouring values. Raises ValueError when the sample has no gross error or only those.
    """
    if not 0 < gross.sum() < len(gross):
        raise ValueError(
            f"a checked sample needs good and bad labels to choose a threshold from: {gross.sum()} of {len(gross)} are bad"
        )
    order = np.argsort(-badness)
    hits = np.cumsum(gross[order])
    f1 = 2 * hits / (np.arange(1, len(badness) + 1) + gross.sum())
    best = int(f1[:-1].argmax())
    return float(0.5 * (badness[order][best] + badness[order][best + 1]))
