import numpy as np
import pytest
from scipy.stats import binom

from data_cleaning.guarantee import read_checked, safe_threshold, smallest_sample, vouched_threshold
from data_cleaning.rules import ScoredLabels

GRID = np.linspace(0, 1, 51)


def test_the_smallest_sample_is_the_smallest():
    n = smallest_sample(0.05, 0.9)
    assert binom.cdf(1, n, 0.05) <= 0.1 < binom.cdf(1, n - 1, 0.05)
    with pytest.raises(ValueError, match="between 0 and 1"):
        smallest_sample(5, 0.9)


def test_the_guarantee_fails_as_seldom_as_it_says():
    """Badness is uniform, a label is bad with probability badness³: the share of bad ones below a threshold t is t³ / 4."""
    rng = np.random.default_rng(0)
    broken, kept, draws = 0, [], 300
    for _ in range(draws):
        badness = rng.random(400)
        bad = rng.random(400) < badness**3
        try:
            threshold = safe_threshold(badness, bad, GRID, 0.05, 0.9)
        except ValueError:
            threshold = 0.0
        broken += threshold**3 / 4 > 0.05
        kept.append(threshold)
    assert broken <= binom.ppf(0.999, draws, 0.1)
    assert np.mean(kept) > 0.35  # it keeps something; the best possible is 0.585


def test_what_cannot_be_vouched_for_is_said():
    rng = np.random.default_rng(0)
    badness = rng.random(200)
    with pytest.raises(ValueError, match="no threshold can be vouched for"):
        safe_threshold(badness, np.ones(200, dtype=bool), GRID, 0.05, 0.9)
    with pytest.raises(ValueError, match="20 labels were checked; this guarantee needs at least 77"):
        safe_threshold(badness[:20], np.zeros(20, dtype=bool), GRID, 0.05, 0.9)


def test_checked_labels_are_found_by_key():
    n = 200
    p = np.linspace(0, 1, n)
    labels = ScoredLabels(tuple(f"k{i}" for i in range(n)), -p, p * 100, p, np.zeros((n, 29)))
    checked = {f"k{i}": i >= 150 for i in range(n)}
    threshold = vouched_threshold(labels, checked, 0.05, 0.9)
    assert 0.7 < threshold < 0.8
    with pytest.raises(ValueError, match="the first is x"):
        vouched_threshold(labels, {"x": True}, 0.05, 0.9)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("key,picture\na,1\n", "found key, picture"),
        ("key,bad\na,1\nb,\n", "line 3: expected 0 or 1 for b, got ''"),
        ("key,bad\na,1\na,0\n", "a is there twice"),
    ],
)
def test_a_table_that_is_not_filled_in_is_refused(tmp_path, text, words):
    path = tmp_path / "checked.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=words):
        read_checked(path)
    path.write_text("\ufeffkey,picture,bad\na,0000.png,1\nb,0001.png,0\n")
    assert read_checked(path) == {"a": True, "b": False} == read_checked(tmp_path)
    path.write_bytes(b"PK\x03\x04\xff\xfe")
    with pytest.raises(ValueError, match="as text"):
        read_checked(path)


def test_copies_of_good_labels_do_not_vouch_for_the_rest():
    # 30 good pictures in 30 copies each, 40 bad ones; what is kept of them all is 30 good and 40 bad.
    n = 940
    good = np.arange(n) < 900
    labels = ScoredLabels(
        key=tuple(f"k{i}" for i in range(n)),
        score=np.zeros(n),
        expected_error_mm=np.zeros(n),
        gross_probability=np.full(n, 0.2),
        displacement_mm=np.zeros((n, 29)),
        repeats=tuple(f"k{i % 30}" if 30 <= i < 900 else "" for i in range(n)),
    )
    checked = {labels.key[i]: bool(not good[i]) for i in np.random.default_rng(0).permutation(n)[:600]}
    with pytest.raises(ValueError, match=r"labels were checked|vouched"):
        vouched_threshold(labels, checked, 0.1, 0.9)
