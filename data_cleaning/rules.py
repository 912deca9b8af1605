"""Keep rules: from scores to verdicts with reasons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Verdict:
    """key: of the label. score: raw. expected_error_mm: calibrated. keep, and a reason that a person understands."""

    key: str
    score: float
    expected_error_mm: float
    keep: bool
    reason: str


def _verdicts(
    key: tuple[str, ...], score: np.ndarray, error_mm: np.ndarray, keep: np.ndarray, why: str
) -> list[Verdict]:
    out = []
    for k, s, e, kept in zip(key, score, error_mm, keep, strict=True):
        if not np.isfinite(s):
            out.append(Verdict(k, float(s), float(e), False, "label is not finite"))
        else:
            out.append(Verdict(k, float(s), float(e), bool(kept), "kept" if kept else why))
    return out


def keep_by_threshold(key: tuple[str, ...], score: np.ndarray, error_mm: np.ndarray, threshold: float) -> list[Verdict]:
    """ADHMR section 4.5: keep labels whose score is at least tau."""
    return _verdicts(key, score, error_mm, score >= threshold, f"score below {threshold:g}")


def keep_by_expected_error(
    key: tuple[str, ...], score: np.ndarray, error_mm: np.ndarray, max_error_mm: float
) -> list[Verdict]:
    """Keep labels whose expected error is at most ``max_error_mm``."""
    return _verdicts(key, score, error_mm, error_mm <= max_error_mm, f"expected error above {max_error_mm:g} mm")


def keep_fraction(key: tuple[str, ...], score: np.ndarray, error_mm: np.ndarray, fraction: float) -> list[Verdict]:
    """Keep the best ``fraction`` of the labels. Raises ValueError outside (0, 1]."""
    if not 0 < fraction <= 1:
        raise ValueError(f"expected a fraction in (0, 1], got {fraction}")
    count = round(fraction * len(score))
    keep = np.zeros(len(score), dtype=bool)
    keep[np.argsort(-score, kind="stable")[:count]] = True
    return _verdicts(key, score, error_mm, keep, f"not among the best {fraction:.0%}")
