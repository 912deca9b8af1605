"""The keep rules of `adhmr clean`: exactly one is given."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from data_cleaning.guarantee import read_checked, vouched_threshold
from data_cleaning.rules import (
    ScoredLabels,
    Verdict,
    keep_by_expected_error,
    keep_by_mean_error,
    keep_by_parts,
    keep_by_score,
    keep_by_worst,
    keep_fraction,
    keep_quota,
    keep_unless_gross,
)

NAMES = (
    "threshold", "max_gross_probability", "max_worst_mm", "max_error_mm", "mean_error_mm", "max_part_mm", "fraction", "quota",
    "max_bad_share",
)  # fmt: skip


class RuleOptions(Protocol):
    """The options of a command that says which labels stay; see ``adhmr.commands.clean``."""

    @property
    def checked(self) -> Path | None: ...

    @property
    def confidence(self) -> float: ...


def only_rule(options: RuleOptions) -> tuple[str, float]:
    """Its name and number. Raises ValueError unless exactly one is given."""
    given = {name: value for name in NAMES if (value := getattr(options, name)) is not None}
    if len(given) != 1:
        raise ValueError("give exactly one rule: " + ", ".join(f"--{name}" for name in NAMES))
    if "max_bad_share" in given and options.checked is None:
        raise ValueError("--max_bad_share needs --checked, labels that somebody checked; draw some with `adhmr check`")
    return next(iter(given.items()))


def categories(labels: ScoredLabels, tags: dict[str, list[str]]) -> tuple[str, ...] | None:
    """The first tag of each label, or None when there are no tags."""
    return tuple(tags.get(key, [""])[0] for key in labels.key) if tags else None


def apply_rule(
    options: RuleOptions, labels: ScoredLabels, tags: dict[str, list[str]]
) -> tuple[list[Verdict], float | None]:
    """Verdicts; and of the guarantee the threshold that it found. Raises ValueError for a rule that cannot be applied."""
    name, value = only_rule(options)
    category = categories(labels, tags)
    if name == "max_bad_share" and options.checked is not None:
        threshold = vouched_threshold(labels, read_checked(options.checked), value, options.confidence)
        return keep_unless_gross(labels, threshold), threshold
    plain = {
        "threshold": keep_by_score,
        "max_gross_probability": keep_unless_gross,
        "max_worst_mm": keep_by_worst,
        "max_error_mm": keep_by_expected_error,
        "mean_error_mm": keep_by_mean_error,
        "max_part_mm": keep_by_parts,
    }
    if name in plain:
        return plain[name](labels, value), None
    if name == "fraction":
        return keep_fraction(labels, value, category), None
    return keep_quota(labels, int(value), category), None
