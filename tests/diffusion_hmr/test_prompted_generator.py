"""A generator that is told keypoints: it learns without pictures, stops and resumes, and is asked as any other."""

from dataclasses import replace

import pytest
import torch

from adhmr.world.people import make_people
from adhmr.world.people_config import PeopleConfig
from diffusion_hmr import Generator, GeneratorConfig
from diffusion_hmr.config import PromptedTraining
from diffusion_hmr.train import train_generator
from diffusion_hmr.train_prompted import ToldPeople, train_prompted
from hmr.free_body import free_body
from hmr.keypoint_sets import PROMPT_POINTS
from hmr.networks.conditions import conditions_of
from hmr.networks.config import BlocksConfig, PromptBranchConfig
from hmr.networks.prompt_branch import marks_of
from hmr.training.config import DetectorNoise, FitConfig
from hmr.training.preempted import PreemptedError
from hmr.training.prompted_people import PromptedPeople
from hmr.training.run import TrainingRun
from hmr.views import Prompts, Views

BODY = free_body(1200)
CONFIG = GeneratorConfig(
    size=32, prompts=PromptBranchConfig(width=64, depth=1, channels=16), denoiser=BlocksConfig(width=16, depth=1),
    sampling_steps=2,
)  # fmt: skip


def training(steps=4):
    fit = FitConfig(steps=steps, batch_size=32, lr=1e-2, ema_decay=0.5, precision="no")
    return PromptedTraining(branch=fit, denoiser=fit, people=128)


@pytest.fixture(scope="module")
def people():
    made = make_people(PeopleConfig(), 128, 0, BODY)
    prompted = PromptedPeople.of(made.uv, made.inside, made.K, made.label, BODY, DetectorNoise())
    return ToldPeople(prompted, prompted, BODY.family)


def views(count=3, size=32):
    prompts = torch.rand(count, len(PROMPT_POINTS), 3) * torch.tensor([size, size, 1.0])
    K = torch.tensor([[40.0, 0, 16], [0, 40, 16], [0, 0, 1]]).expand(count, 3, 3)
    plain = Views.whole(tuple("abcdefgh"[:count]), torch.zeros(count, 3, size, size, dtype=torch.uint8), K)
    return replace(plain, prompts=Prompts(prompts))


def test_a_run_that_was_stopped_is_the_run_that_was_not(tmp_path, people):
    whole = train_prompted(CONFIG, training(), people, TrainingRun(1, folder=tmp_path / "whole"))
    for stop_at in (2, None):
        run = TrainingRun(1, folder=tmp_path / "stopped", stop_at=stop_at)
        if stop_at is None:
            again = train_prompted(CONFIG, training(), people, run)
        else:
            with pytest.raises(PreemptedError):
                train_prompted(CONFIG, training(), people, run)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_a_branch_that_has_ended_is_not_trained_again(tmp_path, people):
    config, stages = replace(training(), branch=replace(training().branch, steps=2)), []

    def run(folder, stop_at=None):
        reports = lambda stage: lambda s, n, v: stages.append(stage)  # noqa: E731
        return TrainingRun(1, reports=reports, folder=tmp_path / folder, stop_at=stop_at)

    whole = train_prompted(CONFIG, config, people, run("whole"))
    with pytest.raises(PreemptedError):
        train_prompted(CONFIG, config, people, run("stopped", 3))  # in the denoiser
    stages.clear()
    again = train_prompted(CONFIG, config, people, run("stopped"))
    assert set(stages) == {"denoiser"}
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_it_learns(people):
    curve = []
    config = training(60)
    run = TrainingRun(0, reports=lambda stage: lambda s, n, v: curve.append((stage, v["loss"])))
    train_prompted(CONFIG, config, people, run)
    branch = [loss for stage, loss in curve if stage == "branch"]
    assert branch[-1] < 0.8 * branch[0]


def test_prompts_move_its_bodies_and_pictures_do_not(tmp_path):
    torch.manual_seed(0)
    Generator(CONFIG).save_pretrained(tmp_path)
    generator = Generator.from_pretrained(tmp_path)
    told = views()
    white = replace(told, rgb=torch.full((3, 3, 32, 32), 255, dtype=torch.uint8))
    one, same = (conditions_of(generator.branch, v).own for v in (told, white))
    assert torch.equal(one, same)
    moved = replace(told, prompts=Prompts(told.prompts.keypoints_px + torch.tensor([3.0, 0, 0])))
    assert not torch.equal(one, conditions_of(generator.branch, moved).own)
    found = generator.propose(told, BODY, 2, 0, "prompted")
    assert found.params.batch_shape == (3, 2)


def test_what_lies_where_nothing_is_marked_does_not_count():
    told = views()
    px = told.prompts.keypoints_px.clone()
    px[:, 5] = torch.tensor([1e4, -1e4, 0.0])
    other = px.clone()
    other[:, 5, :2] = 0
    a, b = (marks_of(replace(told, prompts=Prompts(x))) for x in (px, other))
    assert torch.equal(a, b)
    assert not marks_of(replace(told, prompts=None)).any()


def test_an_untrained_branch_puts_each_joint_at_its_mark():
    torch.manual_seed(0)
    branch = Generator(CONFIG).branch
    marks = torch.rand(2, len(PROMPT_POINTS), 3).clamp_min(0.1)
    _, own = branch(marks, torch.zeros(2, 3))
    wrist = PROMPT_POINTS.place["left_wrist"]
    torch.testing.assert_close(own.state.uvd[:, 20, :2], marks[:, wrist, :2], atol=0.02, rtol=0)
    _, nothing = branch(torch.zeros(2, len(PROMPT_POINTS), 3), torch.zeros(2, 3))
    assert nothing.state.uvd.isfinite().all()


def test_it_does_not_learn_from_pictures(small_world):
    with pytest.raises(ValueError, match="train-prompted"):
        train_generator(replace(CONFIG, size=64), None, small_world["source"], BODY, TrainingRun(0))
