"""One answer of several looks at a person: for each keypoint the place on which most of them agree.

A network that looks again at a slightly other picture errs in another way where it guesses and stays where it sees. Its own
confidence hardly tells these apart (on athletes' photographs of LSPET: area under the curve .61; the looks' agreement .71).
"""

from __future__ import annotations

import numpy as np

from hmr.keypoint_sets import BLAZEPOSE_33, COCO_17

#: Looks agree on a keypoint as far as they are within about this part of the person's size.
_REACH = 0.05


def agreement(px: np.ndarray, size_px: float) -> np.ndarray:
    """(m, k, 2) to (m, m, k) in [0, 1]: how far two looks say the same place of a person of ``size_px`` pixels."""
    apart_px = np.linalg.norm(px[:, None] - px[None], axis=-1)
    return np.exp(-((apart_px / (_REACH * size_px)) ** 2) / 2)


def agreed(px: np.ndarray, weights: np.ndarray, size_px: float) -> np.ndarray:
    """The looks' word together, (k, 3): x, y and in [0, 1] the share of the looks that agree on them.

    px: (m, k, 2) pixels; weights: (m, k), not negative, 0 where a look does not say the keypoint.
    """
    alike = agreement(px, size_px)
    support = (alike * weights[None]).sum(1)
    # Where no weight is, any is as good; a look without a weight is never chosen where another has one.
    support = np.where(weights > 0, support, -1.0)
    best = support.argmax(0)
    of_keypoint = np.arange(px.shape[1])
    near = alike[best, :, of_keypoint].T * weights
    total = near.sum(0)
    places = (near[..., None] * px).sum(0) / np.maximum(total, 1e-9)[:, None]
    share = total / np.maximum(weights.sum(0), 1e-9)
    return np.concatenate([places, share[:, None]], 1).astype(np.float32)


def with_finder(
    looks_px: np.ndarray, finder_px: np.ndarray, weight: np.ndarray | float
) -> tuple[np.ndarray, np.ndarray]:
    """Candidates (m + 1, 33, 2) and their weights (m + 1, 33) of m looks (m, 33, 2) and a finder's 17 keypoints (17, 2), which
    weigh so much beside a look, all or each (17,)."""
    here, there = COCO_17.taken_to(BLAZEPOSE_33)
    candidates = np.concatenate([looks_px, looks_px[:1]])
    weights = np.ones(candidates.shape[:2], np.float32)
    weights[-1] = 0
    candidates[-1, there] = finder_px[here]
    weights[-1, there] = np.broadcast_to(weight, len(COCO_17))[here]
    return candidates, weights


def nearest_to(agreed_px: np.ndarray, px: np.ndarray, size_px: float) -> int:
    """Number of the look (m, k, 2) that says most of what they agree on, (k, 3)."""
    together = np.concatenate([agreed_px[None, :, :2], px])
    return int((agreement(together, size_px)[0, 1:] * agreed_px[:, 2]).sum(1).argmax())
