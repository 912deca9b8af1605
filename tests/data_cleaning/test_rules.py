import numpy as np
import pytest

from data_cleaning.rules import ScoredLabels, keep_by_expected_error, keep_by_score, keep_by_soundness, keep_fraction
from data_cleaning.threshold import best_f1_threshold

LABELS = ScoredLabels(
    ("a", "b", "c"), np.array([0.9, 0.1, -np.inf]), np.array([0.9, 0.3, -np.inf]), np.array([10.0, 200.0, np.nan])
)


def test_rules_and_reasons():
    kept = keep_by_score(LABELS, 0.6)
    assert [v.keep for v in kept] == [True, False, False]
    assert [v.reason for v in kept] == ["kept", "score below 0.6", "label is not finite"]
    assert [v.keep for v in keep_by_expected_error(LABELS, 100)] == [True, False, False]
    assert [v.keep for v in keep_by_soundness(LABELS, 0.2)] == [True, True, False]
    assert [v.keep for v in keep_fraction(LABELS, 0.34)] == [True, False, False]
    with pytest.raises(ValueError, match="fraction"):
        keep_fraction(LABELS, 1.5)


def test_the_best_threshold_separates_what_can_be_separated():
    score = np.array([0.0, 0.1, 0.2, 0.8, 0.9])
    assert best_f1_threshold(score, np.array([True, True, True, False, False])) == pytest.approx(0.5)
    with pytest.raises(ValueError, match="good and bad"):
        best_f1_threshold(score, np.zeros(5, dtype=bool))
