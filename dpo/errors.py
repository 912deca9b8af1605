"""What of a scorer's words a reward is made of: a candidate's error in mm, as far as the scorer says it."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from dpo.config import ErrorKind
from scorer.scores import Scores


def _displacement(scores: Scores) -> Tensor:
    return scores.displacement_mm.mean(-1)


def _across(scores: Scores) -> Tensor:
    if scores.in_plane_mm is None:
        raise ValueError("this scorer does not say errors across the picture apart; choose expected or displacement")
    return scores.in_plane_mm.mean(-1)


_ERRORS: dict[ErrorKind, Callable[[Scores], Tensor]] = {
    "expected": lambda scores: scores.expected_error_mm,
    "displacement": _displacement,
    "across": _across,
    "both": lambda scores: _displacement(scores) + 2 * _across(scores),
}


def errors_mm(scores: Scores, kind: ErrorKind) -> Tensor:
    """(b, n), lower is better; NaN where the scorer is not calibrated and its expected error is asked for.

    Raises ValueError for a scorer that does not say errors of this kind.
    """
    return _ERRORS[kind](scores)
