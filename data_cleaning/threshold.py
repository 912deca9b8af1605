"""Choose a threshold on a checked sample."""

from __future__ import annotations

import numpy as np


def break_even_threshold(badness: np.ndarray, gross: np.ndarray) -> float:
    """The threshold above which as many labels are dropped as are ``gross``, (n,) each: precision equals recall on the sample.

    It follows from a quantile, so it moves less from sample to sample than the threshold of the highest F1 does. It lies in the
    middle between two neighbouring values. Raises ValueError when the sample has no gross error or only those.
    """
    if not 0 < gross.sum() < len(gross):
        raise ValueError(
            f"a checked sample needs good and bad labels to choose a threshold from: {gross.sum()} of {len(gross)} are bad"
        )
    falling = np.sort(badness)[::-1]
    count = int(gross.sum())
    return float(0.5 * (falling[count - 1] + falling[count]))
