"""Who says which candidate is better."""

from dataclasses import replace

import pytest
import torch

from dpo.judges import consensus_judge, fixed_pairs, random_judge, scorer_judge, truth_judge
from dpo.pairs import make_pairs
from hmr.free_body import free_body
from hmr.hypotheses import Hypotheses
from scorer import Scorer, ScorerConfig
from scorer.scores import Scores

BODY = free_body(1200)


@pytest.fixture
def field(small_world):
    """Four pictures with three candidates each: leaning much, leaning a little, and right."""
    samples = small_world["source"][:4]
    label, leaning = samples.label, []
    for degrees in (40.0, 5.0, 0.0):
        angle = torch.tensor(degrees).deg2rad()
        lean = torch.eye(3).repeat(4, 23, 1, 1)
        lean[:, 2, 1:, 1:] = torch.tensor([[angle.cos(), -angle.sin()], [angle.sin(), angle.cos()]])
        leaning.append(label.R_parent_joint @ lean)
    params = label.reshape_batch(4, 1)[:, [0, 0, 0]]
    params = replace(params, R_parent_joint=torch.stack(leaning, 1))
    return samples, Hypotheses(samples.key, params, BODY.family, "made", 0)


def test_the_truth_prefers_what_is_right(field):
    reward = truth_judge(field[0], BODY)(*field, 0)
    assert (reward[:, 2] > reward[:, 1]).all()
    assert (reward[:, 1] > reward[:, 0]).all()
    assert reward[:, 2] == pytest.approx(0, abs=0.01)


def test_the_truth_is_found_by_key(field):
    samples, hypotheses = field
    order = [2, 0, 3, 1]
    whole = truth_judge(samples, BODY)(samples, hypotheses, 0)
    assert torch.allclose(truth_judge(samples, BODY)(samples[order], hypotheses[order], 0), whole[order], atol=1e-3)


def test_the_crowd_prefers_its_middle_and_sees_no_picture(field):
    samples, hypotheses = field
    reward = consensus_judge(BODY)(samples, hypotheses, 0)
    assert (reward.argmin(1) == 0).all()
    assert torch.equal(reward, consensus_judge(BODY)(replace(samples, rgb=255 - samples.rgb), hypotheses, 1))


def test_chance_is_the_same_for_the_same_seed(field):
    first, again, other = (random_judge()(*field, seed) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_scorer_that_is_not_calibrated_judges_nothing(field):
    torch.manual_seed(0)
    with pytest.raises(ValueError, match="not calibrated"):
        scorer_judge(Scorer(ScorerConfig()), BODY, 0.4)(*field, 0)


def test_pairs_about_other_pictures_are_refused(field):
    samples, hypotheses = field
    reward = truth_judge(samples, BODY)(samples, hypotheses, 0)
    pairs = make_pairs(samples, hypotheses, reward, 1, BODY, torch.Generator().manual_seed(0), {"judge": "truth"})
    assert fixed_pairs(pairs, samples.key)(None, torch.arange(4), 0) is pairs  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="not in the set"):
        fixed_pairs(pairs, samples.key[1:])


def test_a_reward_is_made_of_what_the_scorer_says(field):
    samples, hypotheses = field
    b, n = hypotheses.params.batch_shape
    displaced = torch.arange(1.0, n + 1)[None, :, None].expand(b, n, 29)
    error = torch.full((b, n), 7.0)
    scores = Scores(samples.key, -error, displaced, error, (error, error), error, in_plane_mm=0.5 * displaced)

    class Says:
        def score(self, views, hypotheses, model):
            return scores

    def reward(kind):
        return -scorer_judge(Says(), BODY, 0.0, error=kind)(samples, hypotheses, 0)

    assert torch.equal(reward("expected"), error)
    assert reward("displacement")[0].tolist() == pytest.approx([1, 2, 3])
    assert reward("across")[0].tolist() == pytest.approx([0.5, 1, 1.5])
    assert reward("both")[0].tolist() == pytest.approx([2, 4, 6])
    scores = replace(scores, in_plane_mm=None)
    with pytest.raises(ValueError, match="choose expected or displacement"):
        reward("both")
