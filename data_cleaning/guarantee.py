"""A guarantee on what is kept, from a sample that somebody checked (Learn then Test: Angelopoulos et al. 2021)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.stats import binom

from data_cleaning.decisions import read_verdict_column
from data_cleaning.rules import ScoredLabels


def smallest_sample(max_bad_share: float, confidence: float, forgiven: int = 1) -> int:
    """How many checked labels must be kept for the guarantee to hold although ``forgiven`` of them are bad.

    Raises ValueError for shares or confidences outside (0, 1).
    """
    for what, value in (("share", max_bad_share), ("confidence", confidence)):
        if not 0 < value < 1:
            raise ValueError(f"expected a {what} between 0 and 1, got {value}")
    n = forgiven + 1
    while binom.cdf(forgiven, n, max_bad_share) > 1 - confidence:
        n += 1
    return n


def safe_threshold(
    checked_badness: np.ndarray, bad: np.ndarray, thresholds: np.ndarray, max_bad_share: float, confidence: float
) -> float:
    """The loosest of ``thresholds`` (g,) for which, with ``confidence``, at most ``max_bad_share`` of what it keeps is bad.

    checked_badness, bad: (n,) of labels drawn at random. From the strictest threshold that keeps enough checked labels on, each
    is tested by the exact binomial tail, until one fails; that all are tested in a fixed order is what makes the confidence hold
    for the one chosen. Raises ValueError when the sample is too small or no threshold passes.
    """
    need = smallest_sample(max_bad_share, confidence)
    safe = None
    for threshold in np.sort(thresholds):
        kept = checked_badness <= threshold
        if kept.sum() < need:
            continue
        if binom.cdf((kept & bad).sum(), kept.sum(), max_bad_share) > 1 - confidence:
            break
        safe = float(threshold)
    if safe is not None:
        return safe
    if len(bad) < need:
        raise ValueError(f"{len(bad)} labels were checked; this guarantee needs at least {need}, better twice as many")
    best = int(bad[np.argsort(checked_badness, kind="stable")[:need]].sum())
    raise ValueError(
        f"no threshold can be vouched for: of the {need} checked labels that look best {best} are bad; check more labels, or "
        "allow a larger share"
    )


def vouched_threshold(labels: ScoredLabels, checked: dict[str, bool], max_bad_share: float, confidence: float) -> float:
    """``safe_threshold`` on the probability of a gross error; checked: key to bad, of labels drawn at random from ``labels``;
    those that are dropped in any case (duplicates, what cannot be judged) do not count.

    Raises ValueError when a checked key is not among the labels.
    """
    place = {key: i for i, key in enumerate(labels.key)}
    unknown = [key for key in checked if key not in place]
    if unknown:
        raise ValueError(f"{len(unknown)} checked labels are not in the data, the first is {unknown[0]}")
    rows = np.array([place[key] for key in checked], dtype=int)
    bad = np.array(list(checked.values()), dtype=bool)
    if not labels.eligible.any():
        raise ValueError("none of the labels can be judged; there is nothing to vouch for")
    # Of what may stay alone: duplicates are dropped, so a bad share counted with them is another one.
    grid = np.quantile(labels.gross_probability[labels.eligible], np.linspace(0.02, 1, 50))
    stays = labels.eligible[rows]
    return safe_threshold(labels.gross_probability[rows[stays]], bad[stays], grid, max_bad_share, confidence)


def read_checked(path: Path) -> dict[str, bool]:
    """A table with the columns key and bad (0 or 1), as `adhmr check` writes it and a person fills it in; or the folder it is in.

    Raises ValueError with the line for anything else: a label without verdict must not be left out silently, or the sample is
    no longer a random one.
    """
    path = path / "checked.csv" if path.is_dir() else path
    return read_verdict_column(path, "bad", "`adhmr check` draws labels and writes one")
