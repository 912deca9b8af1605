"""Keep rules: from scores to verdicts with reasons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from hmr.skeleton import KEYPOINT_NAMES, PARTS

EXTREMITIES = ("left_hand", "right_hand", "left_foot", "right_foot")
SWAPPED_LOG_ODDS, INSIDE_SHARE = 1.0, 0.5


@dataclass(frozen=True)
class Verdict:
    """key: of the label. score: raw. expected_error_mm: PVE, calibrated. gross_probability: that some keypoint is grossly off.
    worst_mm, worst_keypoint: what seems to be furthest off, and how far. keep, and a reason that a person understands. bad_parts:
    hands and feet of a kept body that should not be learnt from."""

    key: str
    score: float
    expected_error_mm: float
    gross_probability: float
    worst_mm: float
    worst_keypoint: str
    keep: bool
    reason: str
    bad_parts: tuple[str, ...] = ()


@dataclass(frozen=True)
class ScoredLabels:
    """What a rule decides on: key, raw score (n,), expected error in mm (n,), probability of a gross error (n,), displacement
    of each keypoint (n, 29) in mm; and of each, where it is known, why it cannot be judged (else empty), the share of its
    keypoints in the picture, how much better it would score with left and right swapped, and which earlier label it repeats."""

    key: tuple[str, ...]
    score: np.ndarray
    expected_error_mm: np.ndarray
    gross_probability: np.ndarray
    displacement_mm: np.ndarray
    problem: tuple[str, ...] = ()
    inside_share: np.ndarray = field(default_factory=lambda: np.zeros(0))
    swapped_gain: np.ndarray = field(default_factory=lambda: np.zeros(0))
    repeats: tuple[str, ...] = ()

    @cached_property
    def worst_mm(self) -> np.ndarray:
        """(n,) of the keypoint that seems to be furthest off."""
        return self.displacement_mm.max(-1)

    def part_mm(self, part: str) -> np.ndarray:
        """(n,): how far the keypoints of one of ``hmr.skeleton.PARTS`` seem to be off, on average."""
        return self.displacement_mm[:, list(PARTS[part])].mean(-1)

    def apart_from_rules(self, i: int) -> str:
        """Why label i cannot stay whatever the rule says, else empty."""
        if self.problem and self.problem[i]:
            return self.problem[i]
        if not np.isfinite(self.score[i]):
            return "label is not finite"
        return f"duplicate of {self.repeats[i]}" if self.repeats and self.repeats[i] else ""

    @cached_property
    def eligible(self) -> np.ndarray:
        """(n,) may it stay at all? A rule chooses among these alone, or it would count labels that are dropped anyway."""
        return np.array([not self.apart_from_rules(i) for i in range(len(self.key))], dtype=bool)

    def why_bad(self, i: int) -> str:
        """What is known of a label that a rule drops, beyond its score, else empty."""
        if len(self.inside_share) and self.inside_share[i] < INSIDE_SHARE:
            return f"only {self.inside_share[i]:.0%} of its keypoints are in the picture"
        if len(self.swapped_gain) and self.swapped_gain[i] > SWAPPED_LOG_ODDS:
            return "left and right seem to be swapped"
        return ""


def _verdicts(
    labels: ScoredLabels,
    keep: np.ndarray,
    why: Callable[[int, str], str],
    bad_parts: list[tuple[str, ...]] | None = None,
) -> list[Verdict]:
    out = []
    for i, key in enumerate(labels.key):
        worst = KEYPOINT_NAMES[int(np.nan_to_num(labels.displacement_mm[i], nan=-1.0).argmax())]
        impossible = labels.apart_from_rules(i)
        kept = bool(keep[i]) and not impossible
        seen = labels.why_bad(i)
        dropped = f"{why(i, worst)}; {seen}" if seen else why(i, worst)
        out.append(
            Verdict(
                key=key,
                score=float(labels.score[i]),
                expected_error_mm=float(labels.expected_error_mm[i]),
                gross_probability=float(labels.gross_probability[i]),
                worst_mm=float(labels.worst_mm[i]),
                worst_keypoint=worst,
                keep=kept,
                reason=impossible or ("kept" if kept else dropped),
                bad_parts=bad_parts[i] if bad_parts is not None and kept else (),
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


def keep_by_mean_error(labels: ScoredLabels, mean_error_mm: float) -> list[Verdict]:
    """Keep as many of the best as have an expected error of ``mean_error_mm`` on average (a target for the whole set)."""
    error = np.where(labels.eligible, _need(labels.expected_error_mm, "expected error"), np.inf)
    order = np.argsort(error, kind="stable")
    with np.errstate(invalid="ignore"):
        running = np.cumsum(error[order]) / np.arange(1, len(error) + 1)
    keep = np.zeros(len(error), dtype=bool)
    keep[order[: int((running <= mean_error_mm).sum())]] = True
    return _verdicts(
        labels,
        keep,
        lambda i, worst: (
            f"expected error {labels.expected_error_mm[i]:.0f} mm; with it the mean is above {mean_error_mm:g}"
        ),
    )


def keep_by_parts(labels: ScoredLabels, max_part_mm: float) -> list[Verdict]:
    """Keep a body whose torso, head, arms and legs each seem at most ``max_part_mm`` off; hands and feet that do not are named as
    bad parts of a label that stays."""
    _need(labels.worst_mm, "displacements")
    mm = {part: labels.part_mm(part) for part in PARTS}
    off = {part: values > max_part_mm for part, values in mm.items()}
    inner = [part for part in PARTS if part not in EXTREMITIES]

    def why(i: int, worst: str) -> str:
        del worst
        return ", ".join(f"{part.replace('_', ' ')} about {mm[part][i]:.0f} mm off" for part in inner if off[part][i])

    bad = [tuple(part for part in EXTREMITIES if off[part][i]) for i in range(len(labels.key))]
    return _verdicts(labels, ~np.any([off[part] for part in inner], axis=0), why, bad)


def keep_fraction(labels: ScoredLabels, fraction: float, category: tuple[str, ...] | None = None) -> list[Verdict]:
    """Keep the best ``fraction`` of the labels that can be judged and repeat none, by score, of each category if given.

    Raises ValueError outside (0, 1].
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"expected a fraction in (0, 1], got {fraction}")
    keep = _best_of_each(labels, category, lambda count: round(fraction * count))
    return _verdicts(labels, keep, lambda i, worst: f"not among the best {fraction:.0%}{_of(category, i)}")


def keep_quota(labels: ScoredLabels, quota: int, category: tuple[str, ...] | None = None) -> list[Verdict]:
    """Keep the best ``quota`` labels, of each category if given. Raises ValueError below one."""
    if quota < 1:
        raise ValueError(f"expected a quota of at least 1, got {quota}")
    keep = _best_of_each(labels, category, lambda count: quota)
    return _verdicts(labels, keep, lambda i, worst: f"not among the best {quota}{_of(category, i)}")


def _of(category: tuple[str, ...] | None, i: int) -> str:
    return f" of {category[i] or 'those without a tag'}" if category is not None else ""


def _best_of_each(labels: ScoredLabels, category: tuple[str, ...] | None, how_many: Callable[[int], int]) -> np.ndarray:
    groups = np.array(category if category is not None else [""] * len(labels.key), dtype=object)
    keep = np.zeros(len(groups), dtype=bool)
    for name in dict.fromkeys(groups):
        rows = np.flatnonzero((groups == name) & labels.eligible)
        keep[rows[np.argsort(-labels.score[rows], kind="stable")[: how_many(len(rows))]]] = True
    return keep


def decided(verdicts: list[Verdict], decisions: dict[str, bool]) -> list[Verdict]:
    """With what a person decided: key to keep. Raises ValueError for keys that are not there."""
    known = {v.key for v in verdicts}
    if unknown := [key for key in decisions if key not in known]:
        raise ValueError(
            f"{len(unknown)} decisions are about labels that are not in the data, the first is {unknown[0]}"
        )
    out = []
    for v in verdicts:
        keep = decisions.get(v.key, v.keep)
        by_hand = {"keep": keep, "reason": "kept by a person" if keep else f"dropped by a person ({v.reason})"}
        out.append(Verdict(**{**v.__dict__, **by_hand}) if keep != v.keep else v)
    return out
