"""A generator that is told marks and looks, with eyes that are made up."""

from dataclasses import replace

import pytest
import torch

from diffusion_hmr import Generator, GeneratorConfig
from diffusion_hmr.config import PromptedTraining
from diffusion_hmr.protocol import load_generator
from diffusion_hmr.train_prompted import ToldPeople, train_prompted
from hmr.detection.weights import FOLDER_VARIABLE
from hmr.networks.conditions import conditions_of
from hmr.networks.stored_conditions import identity
from hmr.sight import Sight
from hmr.training.config import FitConfig
from hmr.training.lit_people import WithUnseen
from hmr.training.preempted import PreemptedError
from hmr.training.run import TrainingRun
from hmr.views import Views
from tests.support.lit import BLOCKS, BODY, LIT, lit_people, made_up_sight

CONFIG = GeneratorConfig(size=32, lit=LIT, denoiser=BLOCKS)
TOLD_ALONE = GeneratorConfig(size=32, prompts=LIT.prompts, denoiser=BLOCKS)


def training(steps=4):
    fit = FitConfig(steps=steps, batch_size=16, lr=1e-2, ema_decay=0.5, precision="no")
    return PromptedTraining(branch=fit, denoiser=fit, people=20)


@pytest.fixture(scope="module")
def people():
    _, seen = lit_people(48)
    _, others = lit_people(20, seed=1)
    both = WithUnseen(seen, others.people)
    return ToldPeople(both, both, BODY.family)


def views(count=3):
    K = torch.tensor([[40.0, 0, 16], [0, 40, 16], [0, 0, 1]]).expand(count, 3, 3)
    return Views.whole(tuple("abcdefgh"[:count]), torch.zeros(count, 3, 32, 32, dtype=torch.uint8), K)


def test_a_run_that_was_stopped_is_the_run_that_was_not(tmp_path, people):
    torch.manual_seed(3)
    start = Generator(TOLD_ALONE)
    whole = train_prompted(CONFIG, training(), people, TrainingRun(1, folder=tmp_path / "whole"), start)
    with pytest.raises(PreemptedError):
        train_prompted(CONFIG, training(), people, TrainingRun(1, folder=tmp_path / "stopped", stop_at=2), start)
    again = train_prompted(CONFIG, training(), people, TrainingRun(1, folder=tmp_path / "stopped"), start)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_it_begins_with_what_a_generator_that_does_not_look_knows(people):
    torch.manual_seed(3)
    start = Generator(TOLD_ALONE)
    still = replace(training(1), branch=replace(training(1).branch, lr=1e-12, weight_decay=0.0))
    begun = train_prompted(CONFIG, still, people, TrainingRun(1), start)
    _, seen = lit_people(5)
    batch = seen.shown(torch.arange(5), seen.detected, torch.zeros(5).bool())
    with torch.no_grad():
        before = start.branch.lifted(batch.marks, batch.towards)[1]
        after = begun.branch.lifted(*batch.inputs)[1]
    torch.testing.assert_close(after.state.uvd, before.state.uvd, atol=1e-4, rtol=1e-4)


def test_one_of_other_sizes_is_no_start(people):
    other = Generator(replace(TOLD_ALONE, prompts=replace(LIT.prompts, width=48)))
    with pytest.raises(ValueError, match="of other sizes"):
        train_prompted(CONFIG, training(), people, TrainingRun(1), other)


def test_what_is_seen_moves_its_bodies(people):
    generator = train_prompted(CONFIG, training(), people, TrainingRun(0))
    blind = conditions_of(generator.branch, views())
    generator.branch.eyes = lambda some: made_up_sight(len(some))
    lit = conditions_of(generator.branch, views())
    assert (lit.own - blind.own).abs().max() > 1e-3
    assert (lit.memory - blind.memory).abs().max() > 1e-3


def test_features_of_the_blind_are_not_taken_for_those_of_the_seeing():
    branch = Generator(CONFIG).branch
    blind = identity(branch, views())
    branch.eyes = lambda some: Sight.nothing(len(some))
    assert identity(branch, views()) != blind


def test_it_is_loaded_with_eyes_or_says_that_it_has_none(tmp_path, monkeypatch):
    Generator(CONFIG).save_pretrained(tmp_path / "lit")
    said = []
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "none"))
    assert load_generator(tmp_path / "lit", offline=True, tell=said.append).branch.eyes is None
    assert "the generator lit goes by keypoints alone" in said[0]
    eyes = object()
    monkeypatch.setattr("diffusion_hmr.protocol.eyes_or_none", lambda *args: eyes)
    assert load_generator(tmp_path / "lit").branch.eyes is eyes


def test_a_generator_has_one_branch():
    with pytest.raises(ValueError, match="one of the two"):
        GeneratorConfig(prompts=LIT.prompts, lit=LIT)
