"""Which model is better on these pictures? Bradley-Terry strengths from a scorer's verdicts, on Elo's scale.

Every picture is a match between each two models that have a body for it; the one whose body scores higher wins, equal scores
are half a win each. P(i beats j) = 1 / (1 + 10^((r_j - r_i) / 400)) (Bradley and Terry 1952; Elo's scale, mean rating 1000).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_ELO = 400 / np.log(10)


@dataclass(frozen=True)
class Rating:
    """rating: Elo, with a 95 % interval of a bootstrap over pictures. win_share: of its matches. matches: how many."""

    model: str
    rating: float
    low: float
    high: float
    win_share: float
    matches: int


def win_counts(score: np.ndarray) -> np.ndarray:
    """score (pictures, models), NaN where a model has no body: (pictures, m, m), 1 where the row's model beats the column's."""
    a, b = score[:, :, None], score[:, None, :]
    both = ~(np.isnan(a) | np.isnan(b))
    with np.errstate(invalid="ignore"):
        won = np.where(a > b, 1.0, np.where(a == b, 0.5, 0.0))
    won = np.where(both, won, 0.0)
    won[:, np.arange(score.shape[1]), np.arange(score.shape[1])] = 0.0
    return won


def bradley_terry(wins: np.ndarray, iterations: int = 500, tolerance: float = 1e-8) -> np.ndarray:
    """Maximum-likelihood Elo ratings (m,) from (m, m) win counts, by Hunter's (2004) MM algorithm.

    Half a win is added to each pair that met, so that a model that always wins has a finite rating.
    """
    met = (wins + wins.T) > 0
    wins = wins + 0.5 * met
    matches = wins + wins.T
    strength = np.ones(len(wins))
    for _ in range(iterations):
        pair = matches / (strength[:, None] + strength[None])
        new = wins.sum(1) / np.maximum(pair.sum(1), 1e-12)
        new = np.where(new > 0, new, strength)
        new /= np.exp(np.log(new).mean())
        done = np.abs(np.log(new / strength)).max() < tolerance
        strength = new
        if done:
            break
    return 1000 + _ELO * np.log(strength)


def leaderboard(models: list[str], score: np.ndarray, seed: int = 0, resamples: int = 200) -> list[Rating]:
    """score (pictures, models), higher is better, NaN where a model has no body. Best first.

    Raises ValueError for fewer than two models, or when no picture has two of them.
    """
    if len(models) < 2:
        raise ValueError(f"a leaderboard compares models; expected at least two, got {models}")
    won = win_counts(score)
    if won.sum() == 0:
        raise ValueError("no picture has bodies of two models; there is nothing to compare")
    rng = np.random.default_rng(seed)
    rows = rng.integers(len(score), size=(resamples, len(score)))
    drawn = np.stack([bradley_terry(won[r].sum(0)) for r in rows])
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    total, ratings = won.sum(0), bradley_terry(won.sum(0))
    matches = (total + total.T).sum(1)
    out = [
        Rating(
            name, round(float(ratings[i]), 1), round(float(low[i]), 1), round(float(high[i]), 1),
            round(float(total[i].sum() / max(matches[i], 1)), 4), int(matches[i]),
        )
        for i, name in enumerate(models)
    ]  # fmt: skip
    return sorted(out, key=lambda r: -r.rating)
