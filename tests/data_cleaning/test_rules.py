from dataclasses import replace

import numpy as np
import pytest

from data_cleaning.rules import (
    ScoredLabels,
    keep_by_expected_error,
    keep_by_mean_error,
    keep_by_score,
    keep_by_worst,
    keep_fraction,
    keep_quota,
    keep_unless_gross,
)
from data_cleaning.threshold import break_even_threshold

LABELS = ScoredLabels(
    key=("a", "b", "c"),
    score=np.array([0.9, 0.1, -np.inf]),
    expected_error_mm=np.array([10.0, 200.0, np.nan]),
    gross_probability=np.array([0.1, 0.97, 1.0]),
    displacement_mm=np.array([[20.0] * 29, [30.0] * 20 + [500.0] + [30.0] * 8, [np.inf] * 29]),
)


def test_rules_and_reasons():
    kept = keep_by_score(LABELS, 0.6)
    assert [v.keep for v in kept] == [True, False, False]
    assert [v.reason for v in kept] == ["kept", "score below 0.6", "label is not finite"]
    assert [v.keep for v in keep_by_expected_error(LABELS, 100)] == [True, False, False]
    worst = keep_by_worst(LABELS, 100)
    assert [v.keep for v in worst] == [True, False, False]
    assert worst[1].reason == "left wrist about 500 mm off"
    gross = keep_unless_gross(LABELS, 0.5)
    assert [v.keep for v in gross] == [True, False, False]
    assert gross[1].reason == "grossly wrong with probability 0.97: left wrist about 500 mm off"
    with pytest.raises(ValueError, match="probability"):
        keep_unless_gross(LABELS, 1.2)
    assert [v.keep for v in keep_fraction(LABELS, 0.34)] == [True, False, False]
    with pytest.raises(ValueError, match="fraction"):
        keep_fraction(LABELS, 1.5)


def test_a_rule_that_needs_what_the_scorer_does_not_say_is_refused():
    silent = replace(LABELS, gross_probability=np.full(3, np.nan), expected_error_mm=np.full(3, np.nan))
    with pytest.raises(ValueError, match="no probability of a gross error"):
        keep_unless_gross(silent, 0.5)
    with pytest.raises(ValueError, match="no expected error"):
        keep_by_expected_error(silent, 100)


def test_the_best_threshold_separates_what_can_be_separated():
    badness = np.array([1.0, 0.9, 0.8, 0.2, 0.1])
    assert break_even_threshold(badness, np.array([True, True, True, False, False])) == pytest.approx(0.5)
    with pytest.raises(ValueError, match="good and bad"):
        break_even_threshold(badness, np.zeros(5, dtype=bool))


def test_what_is_dropped_anyway_takes_no_place_in_a_quota_or_a_share():
    labels = ScoredLabels(
        key=("a", "a again", "b", "c", "unreadable"),
        score=np.array([0.9, 0.9, 0.5, 0.4, np.nan]),
        expected_error_mm=np.array([10.0, 10.0, 50.0, 60.0, np.nan]),
        gross_probability=np.array([0.1, 0.1, 0.5, 0.6, np.nan]),
        displacement_mm=np.zeros((5, 29)),
        problem=("", "", "", "", "no photograph"),
        repeats=("", "a", "", "", ""),
    )
    assert [v.keep for v in keep_quota(labels, 2)] == [True, False, True, False, False]
    assert [v.keep for v in keep_fraction(labels, 0.67)] == [True, False, True, False, False]
    assert [v.keep for v in keep_by_mean_error(labels, 25)] == [True, False, False, False, False]
    assert [v.keep for v in keep_by_mean_error(labels, 30)] == [True, False, True, False, False]
