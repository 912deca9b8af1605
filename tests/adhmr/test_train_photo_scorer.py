"""The command that makes a scorer for photographs, with eyes that are made up."""

import pytest

from adhmr.cli import main
from hmr.detection.eyes import Eyes
from hmr.detection.weights import WeightsMissing
from scorer.protocol import load_scorer
from scorer.scorer import Scorer
from tests.support.lit import MadeUpEyes

TINY = [
    "--seen", "20", "--judged", "24", "--held_out", "16", "--unseen", "40", "--candidates", "4", "--scorer.size", "32",
    "--scorer.lit.prompts.width", "768", "--training.branch.steps", "2", "--training.branch.batch_size", "8",
    "--training.ranking.steps", "2", "--training.ranking.batch_size", "8", "--people.captured", "0",
]  # fmt: skip


@pytest.fixture
def eyes(monkeypatch):
    MadeUpEyes.looked = 0
    monkeypatch.setattr(Eyes, "load", lambda *args, **kwargs: MadeUpEyes())
    # With candidates that are all grossly off there is nothing to calibrate odds by.
    monkeypatch.setattr("scorer.train_lit.GROSS_MM", 700.0)
    return MadeUpEyes


def test_it_is_made_in_one_go_and_loaded_by_name(tmp_path, eyes, capsys):
    assert main(["train-photo-scorer", "--out", str(tmp_path / "s"), *TINY]) == 0
    assert eyes.looked == 2 * 60  # twice at each
    assert not (tmp_path / "s" / "unfinished").exists()
    assert "checkpoint in" in capsys.readouterr().out
    scorer = load_scorer(tmp_path / "s")
    assert isinstance(scorer, Scorer)
    assert scorer.is_lit
    assert scorer.calibration.is_known


def test_without_weights_it_says_what_to_do(tmp_path, monkeypatch, capsys):
    def missing(*args, **kwargs):
        raise WeightsMissing("they are missing; adhmr weights fetch")

    monkeypatch.setattr(Eyes, "load", missing)
    assert main(["train-photo-scorer", "--out", str(tmp_path / "s"), *TINY]) == 2
    assert "adhmr weights fetch" in capsys.readouterr().err


def test_a_generator_that_is_told_nothing_is_refused(tmp_path, eyes, capsys):
    from diffusion_hmr import Generator, GeneratorConfig

    del eyes
    Generator(GeneratorConfig()).save_pretrained(tmp_path / "g")
    line = ["train-photo-scorer", "--out", str(tmp_path / "s"), "--generator", str(tmp_path / "g"), *TINY]
    assert main(line) == 2
    assert "told keypoints" in capsys.readouterr().err
