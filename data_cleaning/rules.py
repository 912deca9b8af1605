"""Keep rules: from scores to verdicts with reasons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hmr.skeleton import KEYPOINT_NAMES


@dataclass(frozen=True)
class Verdict:
    """key: of the label. score: raw. expected_error_mm: PVE, calibrated. gross_probability: that some keypoint is grossly off.
    worst_mm, worst_keypoint: what seems to be furthest off, and how far. keep, and a reason that a person understands."""

    key: str
    score: float
    expected_error_mm: float
    gross_probability: float
    worst_mm: float
    worst_keypoint: str
    keep: bool
    reason: str


@dataclass(frozen=True)
class ScoredLabels:
    """What a rule decides on: key, raw score (n,), expected error in mm (n,), probability of a gross error (n,), displacement
    of each keypoint (n, 29) in mm."""

    key: tuple[str, ...]
    score: np.ndarray
    expected_error_mm: np.ndarray
    gross_probability: np.ndarray
    displacement_mm: np.ndarray

    @property
    def worst_mm(self) -> np.ndarray:
        """(n,) of the keypoint that seems to be furthest off."""
        return self.displacement_mm.max(-1)


def _verdicts(labels: ScoredLabels, keep: np.ndarray, why: Callable[[int, str], str]) -> list[Verdict]:
    out = []
    for i, key in enumerate(labels.key):
        worst = KEYPOINT_NAMES[int(labels.displacement_mm[i].argmax())]
        finite = bool(np.isfinite(labels.score[i]))
        reason = ("kept" if keep[i] else why(i, worst)) if finite else "label is not finite"
        out.append(
            Verdict(
                key=key,
                score=float(labels.score[i]),
                expected_error_mm=float(labels.expected_error_mm[i]),
                gross_probability=float(labels.gross_probability[i]),
                worst_mm=float(labels.worst_mm[i]),
                worst_keypoint=worst,
                keep=bool(keep[i]) and finite,
                reason=reason,
            )
        )
    return out


def _need(values: np.ndarray, what: str) -> np.ndarray:
    """Raises ValueError when a scorer says nothing of the sort (a converted one that was not calibrated)."""
    if len(values) and np.isnan(values).all():
        raise ValueError(f"this scorer gives no {what}; use keep_by_score or keep_fraction (--threshold, --fraction)")
    return values


def keep_by_score(labels: ScoredLabels, threshold: float) -> list[Verdict]:
    """ADHMR section 4.5: keep labels whose score is at least tau."""
    return _verdicts(labels, labels.score >= threshold, lambda i, worst: f"score below {threshold:g}")


def keep_by_worst(labels: ScoredLabels, max_worst_mm: float) -> list[Verdict]:
    """Keep labels whose worst keypoint seems at most ``max_worst_mm`` off."""

    def why(i: int, worst: str) -> str:
        return f"{worst.replace('_', ' ')} about {labels.worst_mm[i]:.0f} mm off"

    return _verdicts(labels, _need(labels.worst_mm, "displacements") <= max_worst_mm, why)


def keep_unless_gross(labels: ScoredLabels, max_probability: float) -> list[Verdict]:
    """Keep labels that have a gross error (a limb, the scale, the place, left for right) with at most ``max_probability``.

    Raises ValueError outside [0, 1].
    """
    if not 0 <= max_probability <= 1:
        raise ValueError(f"expected a probability in [0, 1], got {max_probability}")

    def why(i: int, worst: str) -> str:
        sure, off = labels.gross_probability[i], labels.worst_mm[i]
        return f"grossly wrong with probability {sure:.2f}: {worst.replace('_', ' ')} about {off:.0f} mm off"

    return _verdicts(labels, _need(labels.gross_probability, "probability of a gross error") <= max_probability, why)


def keep_by_expected_error(labels: ScoredLabels, max_error_mm: float) -> list[Verdict]:
    """Keep labels whose expected error is at most ``max_error_mm``."""
    return _verdicts(
        labels,
        _need(labels.expected_error_mm, "expected error") <= max_error_mm,
        lambda i, worst: f"expected error {labels.expected_error_mm[i]:.0f} mm, above {max_error_mm:g}",
    )


def keep_fraction(labels: ScoredLabels, fraction: float) -> list[Verdict]:
    """Keep the best ``fraction`` of the labels by score. Raises ValueError outside (0, 1]."""
    if not 0 < fraction <= 1:
        raise ValueError(f"expected a fraction in (0, 1], got {fraction}")
    keep = np.zeros(len(labels.score), dtype=bool)
    keep[np.argsort(-labels.score, kind="stable")[: round(fraction * len(keep))]] = True
    return _verdicts(labels, keep, lambda i, worst: f"not among the best {fraction:.0%}")
