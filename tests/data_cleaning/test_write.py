"""The kept set is the input with fewer rows, and nothing else."""

import numpy as np

from data_cleaning.rules import ScoredLabels, keep_by_score
from data_cleaning.write import write_verdicts
from hmr.samples import load_samples, save_samples


def scored(samples) -> ScoredLabels:
    n = len(samples)
    score = np.random.default_rng(0).random(n)
    return ScoredLabels(samples.key, score, 100 * (1 - score), 1 - score, np.ones((n, 29)))


def clean(samples, labels, threshold, out):
    out.mkdir()
    write_verdicts(out, keep_by_score(labels, threshold), samples)
    return load_samples(out / "kept")


def test_keeping_all_changes_no_byte(small_world, tmp_path):
    samples = small_world["target"]
    save_samples(tmp_path / "data", samples)
    clean(samples, scored(samples), -1.0, tmp_path / "out")
    for file in (tmp_path / "data").iterdir():
        assert (tmp_path / "out" / "kept" / file.name).read_bytes() == file.read_bytes()


def test_kept_and_dropped_are_the_input_and_filtering_twice_is_filtering_once(small_world, tmp_path):
    samples = small_world["target"]
    labels = scored(samples)
    once = clean(samples, labels, 0.5, tmp_path / "once")
    dropped = [key for key, score in zip(labels.key, labels.score, strict=True) if score < 0.5]
    assert sorted([*once.key, *dropped]) == sorted(samples.key)
    rows = [labels.key.index(key) for key in once.key]
    assert rows == sorted(rows)
    again = ScoredLabels(
        once.key, labels.score[rows], labels.expected_error_mm[rows], labels.gross_probability[rows],
        labels.displacement_mm[rows],
    )  # fmt: skip
    twice = clean(once, again, 0.5, tmp_path / "twice")
    assert twice.key == once.key
    assert (twice.rgb[:] == once.rgb[:]).all()
