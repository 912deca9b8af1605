import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from hmr.camera import bearing
from hmr.displacement import uvd_of
from hmr.free_body import free_body
from hmr.hypotheses import Hypotheses
from hmr.keypoint_sets import PROMPT_POINTS
from hmr.samples import Samples
from hmr.skeleton import PARTS
from hmr.views import Prompts
from scorer import Scorer, ScorerConfig
from scorer.candidates import QUALITIES, candidate_sets, noised_truth
from scorer.correlation import pearson, spearman
from scorer.mirror import mirror_images, mirror_uvd, score_both_ways
from scorer.own_estimate import expected_absolute
from scorer.ranknet import gross_loss, pair_loss, part_ranknet_loss, ranknet_loss
from scorer.scores import fit_calibration, fit_platt


def test_equation_2_by_hand():
    better = pair_loss(torch.tensor(2.0), torch.tensor(0.5), torch.tensor(10.0), torch.tensor(20.0))
    assert float(better) == pytest.approx(-math.log(1 / (1 + math.exp(-1.5))), abs=1e-6)
    assert float(pair_loss(*map(torch.tensor, (0.0, 0.0, 5.0, 5.0)))) == pytest.approx(math.log(2), abs=1e-6)


def test_only_the_order_of_scores_counts_and_good_orders_cost_less():
    errors = torch.tensor([[[1.0], [2.0], [3.0]]])
    good, bad = torch.tensor([[3.0, 2.0, 1.0]]), torch.tensor([[1.0, 2.0, 3.0]])
    assert ranknet_loss(good, errors) < ranknet_loss(bad, errors)
    assert torch.allclose(ranknet_loss(good, errors), ranknet_loss(good + 5, errors))


def test_the_odds_of_a_gross_error_cost_nothing_where_they_are_right():
    worst = torch.tensor([[50.0, 800.0]])
    right, wrong = torch.tensor([[-20.0, 20.0]]), torch.tensor([[20.0, -20.0]])
    assert float(gross_loss(right, worst, 200)) == pytest.approx(0.0, abs=0.05)
    assert float(gross_loss(wrong, worst, 200)) == pytest.approx(20.0, abs=0.1)


def test_expected_absolute_difference_is_the_mean_over_a_laplace():
    generator = torch.Generator().manual_seed(0)
    u = torch.rand(400_000, generator=generator) - 0.5
    x = -0.3 * torch.sign(u) * torch.log1p(-2 * u.abs())  # Laplace(0, 0.3)
    for difference in (0.0, 0.1, -0.7):
        expected = expected_absolute(torch.tensor(difference), torch.tensor(0.3))
        assert float(expected) == pytest.approx(float((difference - x).abs().mean()), rel=0.01)


def test_before_ranking_is_learnt_a_candidate_is_judged_by_the_own_estimate(small_world):
    samples = small_world["source"][:4]
    torch.manual_seed(0)
    scorer = Scorer(ScorerConfig()).eval()
    with torch.no_grad():
        pictures, own = scorer.encode(samples.pictures(), bearing(samples.K, samples.size))
        step = torch.linspace(0, 0.4, 5)[None, :, None, None] * torch.randn(1, 1, 29, 3)
        judged = scorer(pictures, own.state.uvd[:, None] + step)
    assert (judged.score.diff(dim=1) < 0).all()
    assert (judged.log_displacement.mean(-1).diff(dim=1) > 0).all()


def test_one_hypothesis_cannot_be_ranked():
    with pytest.raises(ValueError, match="at least two"):
        ranknet_loss(torch.zeros(1, 1), torch.zeros(1, 1, 4))


@pytest.mark.official
def test_pair_loss_reproduces_the_released_rank_loss(official):
    """The released loss: sigmoid(5 (s_i - s_j)), pairs i < j summed over a picture, mean over pictures."""
    fixture = official("rankloss.npz")
    score, metric = torch.from_numpy(fixture["score"]), torch.from_numpy(fixture["metric"])
    i, j = torch.triu_indices(15, 15, 1)
    losses = pair_loss(5 * score[:, i], 5 * score[:, j], metric[:, i], metric[:, j]).sum(1)
    assert float(losses.mean()) == pytest.approx(float(fixture["loss_nomask"]), rel=1e-4)


def test_correlations_equal_scipy():
    from scipy.stats import pearsonr, spearmanr

    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 20))
    assert float(pearson(a, b)) == pytest.approx(pearsonr(a, b)[0])
    assert float(spearman(a, b)) == pytest.approx(spearmanr(a, b)[0])


def test_a_probability_is_as_often_right_as_it_says():
    odds = np.random.default_rng(0).normal(0, 3, 4000)
    happened = np.random.default_rng(1).random(4000) < 1 / (1 + np.exp(-(0.5 * odds - 1)))
    scale, offset = fit_platt(odds, happened)
    assert scale == pytest.approx(0.5, abs=0.05)
    assert offset == pytest.approx(-1, abs=0.1)
    with pytest.raises(ValueError, match="both kinds"):
        fit_platt(odds, np.zeros(4000, dtype=bool))


def test_calibration_is_monotone_and_right_on_average():
    rng = np.random.default_rng(0)
    score = rng.standard_normal(2000)
    error = 200 * np.exp(-score) * rng.uniform(0.5, 1.5, 2000)
    expected = fit_calibration(score, error)(torch.from_numpy(np.sort(score))).numpy()
    assert (np.diff(expected) <= 0).all()
    assert expected.mean() == pytest.approx(error.mean(), rel=0.05)
    low, high = fit_calibration(score, error).interval_mm(torch.from_numpy(score))
    assert 0.87 < ((error >= low.numpy()) & (error <= high.numpy())).mean() < 0.93
    assert (np.diff(fit_calibration(score, error).high_mm) < 0).all()


def test_noised_truths_carry_their_errors(small_world):
    samples, body = small_world["source"], free_body(1200)
    sets = candidate_sets(samples, noised_truth(samples, 4, 0, max_sigma=0.2), body)
    assert sets.errors_mm.shape == (16, 4, len(QUALITIES))
    assert (sets.errors_mm[..., 0] > 0).all()
    exact = candidate_sets(samples, noised_truth(samples, 2, 0, max_sigma=0.0), body)
    assert exact.errors_mm.abs().max() < 0.1


def test_two_pictures_of_one_key_are_refused(small_world):
    samples, body = small_world["source"], free_body(1200)
    twice = Samples.cat([samples, samples[:2]])
    with pytest.raises(ValueError, match="2 pictures have a key that another one has"):
        candidate_sets(twice, noised_truth(samples, 2, 0), body)


def test_candidates_can_be_chunked_and_strange_ones_score_last(small_world):
    samples, body = small_world["source"][:2], free_body(1200)
    torch.manual_seed(0)
    whole = Scorer(ScorerConfig(chunk=1000))
    parts = Scorer(ScorerConfig(chunk=3))
    parts.load_state_dict(whole.state_dict())
    candidates = noised_truth(samples, 8, 1)
    a, b = whole.score(samples, candidates, body).value, parts.score(samples, candidates, body).value
    assert torch.allclose(a, b, atol=2e-2)
    params = candidates.params
    t = params.t_cam_root.clone()
    t[0, 0], t[0, 1] = torch.nan, torch.tensor([0.0, 0.0, -3.0])
    from dataclasses import replace

    strange = Hypotheses(samples.key, replace(params, t_cam_root=t), "", "strange", 0)
    value = whole.score(samples, strange, body).value
    assert value[0, 0] == -torch.inf
    assert value[0, 1:].isfinite().all()


def test_a_scorer_survives_its_files_and_refuses_others(tmp_path):
    scorer = Scorer(ScorerConfig())
    scorer.save_pretrained(tmp_path / "scorer")
    assert Scorer.from_pretrained(tmp_path / "scorer").config == scorer.config
    from diffusion_hmr import Generator

    with pytest.raises(ValueError, match="kind 'generator'"):
        Generator.from_pretrained(tmp_path / "scorer")


def test_both_ways_is_the_mean_of_a_picture_and_its_mirror_image(small_world):
    torch.manual_seed(0)
    scorer, samples, body = Scorer(ScorerConfig()), small_world["target"][:3], free_body(1200)
    hypotheses = noised_truth(samples, 2, 0)
    uvd = uvd_of(hypotheses.params, samples.K, samples.size, body)
    assert torch.equal(mirror_uvd(mirror_uvd(uvd)), uvd)
    again = mirror_images(mirror_images(samples))
    assert torch.equal(again.rgb, samples.rgb)
    torch.testing.assert_close(again.K, samples.K)
    known = torch.ones(uvd.shape[:-1], dtype=torch.bool)
    mirrored = scorer.score_uvd(mirror_images(samples), mirror_uvd(uvd), known)
    plain, both = scorer.score(samples, hypotheses, body), score_both_ways(scorer, samples, hypotheses, body)
    torch.testing.assert_close(both.value, 0.5 * (plain.value + mirrored.value))
    assert not torch.allclose(plain.displacement_mm, mirrored.displacement_mm, rtol=1e-3)


def test_what_is_said_of_a_picture_is_said_of_its_mirror_image(small_world):
    samples = small_world["target"][:2]
    px = torch.zeros(2, len(PROMPT_POINTS), 3)
    px[:, PROMPT_POINTS.place["left_knee"]] = torch.tensor([10.0, 20.0, 0.5])
    mirrored = mirror_images(replace(samples, prompts=Prompts(px)))
    assert mirrored.prompts is not None
    said = mirrored.prompts.keypoints_px
    assert said[0, PROMPT_POINTS.place["right_knee"]].tolist() == [samples.size - 10.0, 20.0, 0.5]
    assert int((said[..., 2] > 0).sum()) == 2
    again = mirror_images(mirrored).prompts
    assert again is not None
    assert torch.equal(again.keypoints_px, px)


def test_parts_are_ranked_by_themselves():
    """Of two candidates one has the better torso, the other the better left arm; saying so costs less than the contrary."""
    true = torch.full((1, 2, 29), 50.0)
    torso, arm = list(PARTS["torso"]), list(PARTS["left_arm"])
    true[0, 0, torso], true[0, 1, arm] = 10.0, 10.0
    right = part_ranknet_loss(true.log(), true)
    swapped = part_ranknet_loss(true.flip(1).log(), true)
    equal = part_ranknet_loss(torch.zeros(1, 2, 29), true)
    assert float(right) < float(equal) < float(swapped)
    assert float(equal) == pytest.approx(math.log(2))
    assert float(part_ranknet_loss(2 * true.log(), true)) < float(right)
