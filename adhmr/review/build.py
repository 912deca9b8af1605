"""review.html: all verdicts, some of them as pictures, in one file that needs nothing else."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import numpy as np

from adhmr.cleaning import Cleaned
from adhmr.review.overlays import overlays, rows_worth_seeing
from data_cleaning.rules import EXTREMITIES
from hmr.files import write_atomically
from hmr.skeleton import KEYPOINT_NAMES, PARTS

_PART_OF = {keypoint: part.replace("_", " ") for part, places in PARTS.items() for keypoint in places}
#: Rule to what it looks at, with the unit, and whether higher is better.
MEASURES = {
    "threshold": ("score", "score", "", True),
    "fraction": ("score", "score", "", True),
    "quota": ("score", "score", "", True),
    "max_gross_probability": ("gross_probability", "probability of a gross error", "", False),
    "max_bad_share": ("gross_probability", "probability of a gross error", "", False),
    "max_error_mm": ("expected_error_mm", "expected error", "mm", False),
    "mean_error_mm": ("expected_error_mm", "expected error", "mm", False),
    "max_worst_mm": ("worst_mm", "worst keypoint", "mm", False),
    "max_part_mm": ("worst_part_mm", "worst of torso, head, arms and legs", "mm", False),
}
#: Rule to the option that a threshold on its measure can be given with.
OPTION_OF = {
    "fraction": "threshold",
    "quota": "threshold",
    "max_bad_share": "max_gross_probability",
    "mean_error_mm": "max_error_mm",
}


def measure(cleaned: Cleaned, rule: str) -> np.ndarray:
    """(n,) what the rule looks at."""
    name = MEASURES[rule][0]
    if name == "worst_part_mm":
        labels = cleaned.side_car.labels(keep_duplicates=True)
        return np.max([labels.part_mm(part) for part in PARTS if part not in EXTREMITIES], axis=0)
    return np.array([getattr(v, name) for v in cleaned.verdicts], dtype=np.float64)


def kind_of(reason: str, worst_keypoint: str) -> str:
    """A few words to filter by: what cannot be judged, what repeats, or the part that seems furthest off."""
    if reason.startswith("duplicate of"):
        return "duplicate"
    if "are in the picture" in reason:
        return "out of the picture"
    if "seem to be swapped" in reason:
        return "left and right swapped"
    return _PART_OF[KEYPOINT_NAMES.index(worst_keypoint)]


def _rounded(values: np.ndarray) -> list[float | None]:
    return [round(float(v), 4) if np.isfinite(v) else None for v in values]


def _exact(values: np.ndarray) -> list[float | None]:
    """A threshold that the page shows is one of these: to the last digit, or the command would decide otherwise."""
    return [float(v) if np.isfinite(v) else None for v in values]


def page_data(cleaned: Cleaned, rule: tuple[str, float], overlay_count: int) -> dict[str, object]:
    """What the page's script works on: a list for each column, so that ten thousand rows stay small."""
    name, given = rule
    _, title, unit, higher = MEASURES[name]
    value = measure(cleaned, name)
    problem = cleaned.side_car.table["problem"].to_pylist()
    ends = value[cleaned.keep & np.isfinite(value)]
    threshold = float(ends.min() if higher else ends.max()) if len(ends) else float("nan")
    if OPTION_OF.get(name, name) == name:
        threshold = float(given)
    rows = rows_worth_seeing(-value if higher else value, cleaned.keep, overlay_count)
    pictures = overlays(cleaned, rows)
    return {
        "key": [v.key for v in cleaned.verdicts],
        "value": _exact(value),
        "error": _rounded(np.array([v.expected_error_mm for v in cleaned.verdicts])),
        "gross": _rounded(np.array([v.gross_probability for v in cleaned.verdicts])),
        "worst": [v.worst_keypoint.replace("_", " ") for v in cleaned.verdicts],
        "keep": [int(v.keep) for v in cleaned.verdicts],
        "fixed": [int(bool(p) or v.reason.startswith("duplicate")) for p, v in zip(problem, cleaned.verdicts, strict=True)],
        "reason": [v.reason for v in cleaned.verdicts],
        "kind": [
            "cannot be judged" if p else kind_of(v.reason, v.worst_keypoint)
            for p, v in zip(problem, cleaned.verdicts, strict=True)
        ],
        "tag": [", ".join(cleaned.tags.get(v.key, [])) for v in cleaned.verdicts],
        "pictures": {str(row): uri for row, uri in pictures.items()},
        "measure": title, "unit": unit, "higher": higher, "threshold": threshold if np.isfinite(threshold) else None,
        "option": OPTION_OF.get(name, name), "rule": f"--{name} {given:g}", "data": str(cleaned.job.data),
    }  # fmt: skip


def page(columns: dict[str, object]) -> str:
    """The page of what ``page_data`` gives; it needs nothing else."""
    template = resources.files("adhmr.review").joinpath("page.html").read_text(encoding="utf-8")
    data = json.dumps(columns, separators=(",", ":"), allow_nan=False)
    return template.replace("/*DATA*/null", data.replace("<", "\\u003c"))


def write_review(cleaned: Cleaned, rule: tuple[str, float], out: Path, overlay_count: int) -> None:
    """One file; ``overlay_count`` pictures at most."""
    with write_atomically(out) as partial:
        partial.write_text(page(page_data(cleaned, rule, overlay_count)), encoding="utf-8")
