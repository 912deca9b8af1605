"""A scorer's training: stopped and resumed, one golden trajectory, its calibration as part of its state."""

from contextlib import suppress

import pytest
import torch

from hmr.free_body import free_body
from hmr.training.config import FitConfig
from hmr.training.preempted import PreemptedError
from hmr.training.run import TrainingRun
from scorer import Scorer, ScorerConfig
from scorer.candidates import candidate_sets, noised_truth
from scorer.config import CandidatesConfig, ScorerTraining
from scorer.scores import Calibration
from scorer.train import calibrate, train_scorer
from scorer.training_sets import scorer_sets

BODY = free_body(1200)


def trained(samples, folder, stops, seen):
    config = FitConfig(4, 8, 1e-3, precision="no")
    sets = candidate_sets(samples, noised_truth(samples[8:], 4, 0), BODY)

    def reports(stage):
        return lambda step, steps, values: seen.append((stage, step, values["loss"]))

    scorer = None
    for stop in stops:
        run = TrainingRun(3, reports, folder, stop_at=stop)
        with suppress(PreemptedError):
            scorer = train_scorer(ScorerConfig(), ScorerTraining(config, config), samples, sets, BODY, run)
    return scorer


def test_two_steps_then_four_is_four_steps(tmp_path, small_world):
    whole, resumed = [], []
    a = trained(small_world["source"], tmp_path / "a", [None], whole)
    b = trained(small_world["source"], tmp_path / "b", [2, None], resumed)
    ends = {stage: loss for stage, step, loss in whole if step == 4}
    assert {stage: loss for stage, step, loss in resumed if step == 4} == ends
    assert all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))


def test_one_golden_trajectory(tmp_path, small_world):
    seen: list[tuple[str, int, float]] = []
    trained(small_world["source"], tmp_path, [None], seen)
    golden = {("branch", 1): GOLDEN[0], ("branch", 4): GOLDEN[1], ("ranking", 1): GOLDEN[2], ("ranking", 4): GOLDEN[3]}
    assert {(stage, step): loss for stage, step, loss in seen} == pytest.approx(golden, rel=5e-3)


def test_an_uncalibrated_scorer_says_nan_and_a_calibrated_one_goes_with_its_files(tmp_path, small_world):
    samples = small_world["source"]
    torch.manual_seed(0)
    scorer = Scorer(ScorerConfig())
    candidates = noised_truth(samples, 4, 0)
    assert scorer.score(samples, candidates, BODY).expected_error_mm.isnan().all()
    calibrate(scorer, samples, candidates, noised_truth(samples, 4, 1, gross=0.5), BODY)
    scorer.save_pretrained(tmp_path / "s")
    loaded = Scorer.from_pretrained(tmp_path / "s")
    assert loaded.calibration == scorer.calibration
    assert loaded.calibration.is_known
    said = loaded.score(samples, candidates, BODY)
    assert said.expected_error_mm.isfinite().all()
    # As a part of the state it also goes with a plain state_dict.
    other = Scorer(ScorerConfig())
    other.load_state_dict(scorer.state_dict())
    assert other.calibration == scorer.calibration


def test_a_checkpoint_of_version_0_1_keeps_its_calibration(tmp_path):
    import json

    from safetensors.torch import load_file, save_file

    scorer = Scorer(ScorerConfig())
    scorer.save_pretrained(tmp_path)
    weights = {k: v for k, v in load_file(tmp_path / "model.safetensors").items() if not k.startswith("calibration")}
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=r"missing .*calibration_state"):
        Scorer.from_pretrained(tmp_path)
    content = json.loads((tmp_path / "config.json").read_text())
    content["calibration"] = {
        "score": [-1.0, 1.0],
        "error_mm": [200.0, 50.0],
        "low_mm": [9.0, 1.0],
        "high_mm": [300.0, 60.0],
    }
    (tmp_path / "config.json").write_text(json.dumps(content))
    assert Scorer.from_pretrained(tmp_path).calibration == Calibration(
        (-1.0, 1.0), (200.0, 50.0), (9.0, 1.0), (300.0, 60.0)
    )


def test_sets_are_made_of_files_and_noised_truths(small_world):
    samples = small_world["source"]
    made = scorer_sets(samples, [noised_truth(samples[:6], 8, 5)], BODY, CandidatesConfig(), 0)
    assert len(made.held_out) == len(made.calibration) == len(made.labels)
    assert not set(made.held_out.key) & set(made.training.key)
    assert made.sets.from_generator.any()
    assert not made.sets.from_generator.all()
    assert made.calibration.key == made.labels.key == made.held_out.key


GOLDEN = (8.4041, 7.1732, 29.137, 26.392)
