import numpy as np
import pytest
from scipy.special import expit, logit

from scorer.leaderboard import bradley_terry, leaderboard, win_counts

_ELO = 400 / np.log(10)


def win_probability(rating: float, opponent: float) -> float:
    """That a model of ``rating`` beats one of ``opponent``."""
    return float(expit((rating - opponent) / _ELO))


def rating_gap(win_share: float) -> float:
    """The inverse: how far apart two models are of which one wins this share."""
    return float(_ELO * logit(win_share))


def test_two_models_are_as_far_apart_as_their_wins_say():
    wins = np.array([[0.0, 7500.0], [2500.0, 0.0]])
    ratings = bradley_terry(wins)
    assert ratings[0] - ratings[1] == pytest.approx(rating_gap(0.75), rel=1e-3)
    assert win_probability(ratings[0], ratings[1]) == pytest.approx(0.75, abs=1e-3)
    assert ratings.mean() == pytest.approx(1000)


def test_strengths_are_recovered_from_matches():
    rng = np.random.default_rng(0)
    true = np.array([1200.0, 1050.0, 950.0, 800.0])
    wins = np.zeros((4, 4))
    for i in range(4):
        for j in range(i):
            won = rng.binomial(4000, win_probability(true[i], true[j]))
            wins[i, j], wins[j, i] = won, 4000 - won
    assert np.abs(bradley_terry(wins) - true).max() < 15


def test_missing_bodies_are_no_matches_and_equal_scores_are_half_a_win():
    score = np.array([[1.0, 1.0, np.nan], [2.0, 1.0, 3.0]])
    won = win_counts(score)
    assert won[0, 0, 1] == won[0, 1, 0] == 0.5
    assert won[0, 2].sum() == won[0, :, 2].sum() == 0
    assert won[1, 2, 0] == 1


def test_the_better_model_leads_with_an_interval():
    rng = np.random.default_rng(0)
    board = leaderboard(["good", "bad", "same"], rng.standard_normal((300, 3)) + np.array([1.0, 0.0, 0.0]))
    assert board[0].model == "good"
    assert board[0].low > board[1].high
    assert board[1].low < board[2].rating < board[1].high
    assert board[0].matches == 600


def test_a_board_needs_two_models_that_met():
    with pytest.raises(ValueError, match="at least two"):
        leaderboard(["one"], np.zeros((3, 1)))
    with pytest.raises(ValueError, match="nothing to compare"):
        leaderboard(["a", "b"], np.array([[1.0, np.nan], [np.nan, 1.0]]))


def test_a_model_that_always_wins_has_a_finite_rating():
    assert np.isfinite(bradley_terry(np.array([[0.0, 10.0], [0.0, 0.0]]))).all()
