"""A scorer for photographs: training that can be stopped, what it must learn, its eyes."""

from dataclasses import replace

import pytest
import torch

from hmr.keypoint_sets import PROMPT_POINTS
from hmr.networks.prompt_branch import PromptBranch
from hmr.training.config import FitConfig
from hmr.training.lit_people import WithUnseen
from hmr.training.preempted import PreemptedError
from hmr.training.run import TrainingRun
from scorer.candidates import CandidateSets
from scorer.config import ScorerConfig, ScorerTraining
from scorer.protocol import load_scorer
from scorer.scorer import Scorer, mark_features
from scorer.train_lit import JudgedLitPeople, calibrate_lit, judged_by, train_lit_scorer
from tests.support.lit import BLOCKS, LIT, lit_people

CONFIG = ScorerConfig(size=32, lit=LIT, blocks=BLOCKS)
TRAINING = ScorerTraining(
    FitConfig(steps=4, batch_size=8, lr=1e-3, ema_decay=0.9), FitConfig(steps=6, batch_size=8, lr=3e-3)
)


def judged(count: int = 24, candidates: int = 4) -> JudgedLitPeople:
    """Candidates that are the truth and more and more noise; half of the sets are hardly off."""
    _, lit = lit_people(count, seed=2)
    truth = lit.people.targets.state[:, :87].view(count, 1, 29, 3)
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(count, candidates, 29, 3, generator=generator)
    sigma = torch.linspace(0.005, 0.2, candidates)[None, :, None, None] * torch.where(
        torch.arange(count)[:, None, None, None] % 2 == 0, 1.0, 0.1
    )
    uvd = truth + sigma * noise
    displacement = 1000 * (uvd - truth).norm(dim=-1)
    errors = displacement.mean(-1, keepdim=True).expand(-1, -1, 4)
    sets = CandidateSets(torch.arange(count), uvd, errors, displacement, torch.ones(count, dtype=torch.bool))
    in_plane_mm = 1000 * (uvd - truth)[..., :2].norm(dim=-1)
    return JudgedLitPeople(lit, lit.detected, sets, in_plane_mm)


def train(folder, training=TRAINING, stop_at=None, config=CONFIG) -> Scorer:
    _, seen = lit_people(32)
    torch.manual_seed(7)
    lifting = PromptBranch(LIT.prompts).state_dict()
    run = TrainingRun(1, folder=folder, stop_at=stop_at)
    return train_lit_scorer(config, training, WithUnseen(seen, seen.people), judged(), lifting, run)


def test_stopped_and_gone_on_with_it_is_the_same_scorer(tmp_path):
    whole = train(tmp_path / "whole")
    with pytest.raises(PreemptedError):
        train(tmp_path / "cut", stop_at=3)
    with pytest.raises(PreemptedError):
        train(tmp_path / "cut", stop_at=5)
    again = train(tmp_path / "cut")
    for (name, a), b in zip(whole.state_dict().items(), again.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b, msg=name, equal_nan=True)


def test_it_learns_that_what_is_far_from_the_marks_is_worse(tmp_path):
    longer = replace(TRAINING, ranking=FitConfig(steps=150, batch_size=16, lr=5e-3))
    scorer = train(None, longer)
    score, displacement, _ = judged_by(scorer, judged())
    errors = judged().sets.errors_mm[..., 0]
    assert (score.argmax(1) == errors.argmin(1)).float().mean() > 0.6  # by chance a quarter
    assert torch.corrcoef(torch.stack([displacement.mean(-1).flatten(), errors.flatten()]))[0, 1] > 0.5


def test_calibrated_and_saved_it_is_loaded_with_its_eyes_or_says_that_it_has_none(tmp_path, monkeypatch):
    scorer = calibrate_lit(train(None), judged())
    scorer.save_pretrained(tmp_path / "scorer")
    monkeypatch.setenv("ADHMR_WEIGHTS", str(tmp_path / "none"))
    said: list[str] = []
    loaded = load_scorer(tmp_path / "scorer", offline=True, tell=said.append)
    assert loaded.branch.eyes is None
    assert "keypoints alone" in said[0]
    assert loaded.calibration.is_known
    for a, b in zip(judged_by(scorer, judged()), judged_by(loaded, judged()), strict=True):
        torch.testing.assert_close(a, b)


def test_a_mark_that_is_not_there_says_nothing():
    uvd, marks = torch.rand(2, 3, 29, 3), torch.rand(2, 29, 3)
    marks[:, 5] = 0
    features = mark_features(uvd, marks)
    assert features.shape == (2, 3, 29, 5)
    assert not features[:, :, 5].any()
    assert len(PROMPT_POINTS) == 24
    assert features[:, :, 6, 4].all()


def test_a_configuration_that_is_not_lit_is_refused():
    with pytest.raises(ValueError, match=r"scorer\.lit"):
        train(None, config=replace(CONFIG, lit=None))
