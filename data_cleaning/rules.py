"""Keep rules: from scores to verdicts with reasons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Verdict:
    """key: of the label. score, soundness: raw. expected_error_mm: calibrated. keep, and a reason that a person understands."""

    key: str
    score: float
    soundness: float
    expected_error_mm: float
    keep: bool
    reason: str


@dataclass(frozen=True)
class ScoredLabels:
    """What a rule decides on: key, raw score and soundness (higher is better), expected error in mm; (n,) each."""

    key: tuple[str, ...]
    score: np.ndarray
    soundness: np.ndarray
    expected_error_mm: np.ndarray


def _verdicts(labels: ScoredLabels, keep: np.ndarray, why: str) -> list[Verdict]:
    columns = zip(labels.key, labels.score, labels.soundness, labels.expected_error_mm, keep, strict=True)
    out = []
    for key, score, soundness, error, kept in columns:
        finite = bool(np.isfinite(score))
        reason = ("kept" if kept else why) if finite else "label is not finite"
        out.append(Verdict(key, float(score), float(soundness), float(error), bool(kept) and finite, reason))
    return out


def keep_by_score(labels: ScoredLabels, threshold: float) -> list[Verdict]:
    """ADHMR section 4.5: keep labels whose score is at least tau."""
    return _verdicts(labels, labels.score >= threshold, f"score below {threshold:g}")


def keep_by_soundness(labels: ScoredLabels, threshold: float) -> list[Verdict]:
    """Keep labels whose soundness is at least ``threshold``: drops gross errors (a limb, the scale, the place)."""
    return _verdicts(labels, labels.soundness >= threshold, f"soundness below {threshold:.3g}: some part is far off")


def keep_by_expected_error(labels: ScoredLabels, max_error_mm: float) -> list[Verdict]:
    """Keep labels whose expected error is at most ``max_error_mm``."""
    return _verdicts(labels, labels.expected_error_mm <= max_error_mm, f"expected error above {max_error_mm:g} mm")


def keep_fraction(labels: ScoredLabels, fraction: float) -> list[Verdict]:
    """Keep the best ``fraction`` of the labels by score. Raises ValueError outside (0, 1]."""
    if not 0 < fraction <= 1:
        raise ValueError(f"expected a fraction in (0, 1], got {fraction}")
    keep = np.zeros(len(labels.score), dtype=bool)
    keep[np.argsort(-labels.score, kind="stable")[: round(fraction * len(keep))]] = True
    return _verdicts(labels, keep, f"not among the best {fraction:.0%}")
