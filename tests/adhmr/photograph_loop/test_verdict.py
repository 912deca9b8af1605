"""Verdicts by hand-worked figures."""

import pytest

from adhmr.figures import Figure
from adhmr.photograph_loop.verdict import Row, verdict


def figure(value: float, half: float = 0.1) -> Figure:
    return Figure(value=value, low=value - half, high=value + half, n=50)


def row(base: float, aligned: float, control: float | None = None, people: int = 50) -> Row:
    level = {"base": figure(base), "aligned": figure(aligned)}
    change = {"aligned": figure(aligned - base)}
    if control is None:
        return Row(level, change, {}, people)
    return Row(
        {**level, "random": figure(control)}, {**change, "random": figure(control - base)},
        {"random": figure(aligned - control)}, people,
    )  # fmt: skip


SPREAD = row(200, 198)


@pytest.mark.parametrize(
    ("decides", "word"),
    [
        (row(5, 4, 5), "better"),
        (row(5, 4), "better"),
        (row(5, 4, 4.05), "control"),
        (row(5, 5.05, 5), "unclear"),
        (row(5, 6, 5), "worse"),
        (row(5, 4, 5, people=19), "few"),
    ],
)
def test_less_distance_is_better_where_it_is_beyond_the_control(decides, word):
    assert verdict({"told/mean/distance": decides, "spread": SPREAD}, 30).word == word


def test_humans_decide_before_scorers_and_the_training_scorer_never():
    humans, scorer = row(5, 6, 5), row(100, 80, 100)
    rows = {"human/mean/distance": humans, "held_out_scorer/chosen/expected_error": scorer, "spread": SPREAD}
    assert verdict(rows, 30).word == "worse"
    assert verdict({name: rows[name] for name in list(rows)[1:]}, 30).word == "better"
    alone = verdict({"scorer/sample/reward": row(-9, -2, -9), "spread": SPREAD}, 30)
    assert alone.word == "unclear"
    assert "cannot say" in alone.sentences[0]


def test_the_base_s_own_weights_are_said_to_be_so():
    assert verdict({"told/mean/distance": row(5, 4, 5), "spread": SPREAD}, 0).word == "unchanged"


def test_samples_that_drew_together_are_told_of():
    told = " ".join(verdict({"told/mean/distance": row(5, 4, 5), "spread": row(200, 150)}, 30).sentences)
    assert "75 % of the base's spread is left" in told
    assert (
        "By the keypoints that were told (50 people): mean of the samples, distance 5.00 → 4.00 % of size, "
        "change -1.00 [-1.10, -0.90]; with random pairs 0.00 [-0.10, 0.10] (lower is better)." in told
    )
