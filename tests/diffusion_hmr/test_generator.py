"""The denoiser and the generator: what they are made of, their samples, their training stopped and resumed."""

from contextlib import suppress
from pathlib import Path

import pytest
import torch

from diffusion_hmr import Generator, GeneratorConfig
from diffusion_hmr.config import GeneratorTraining
from diffusion_hmr.denoiser import Denoiser
from diffusion_hmr.train import train_generator
from hmr.free_body import free_body, free_body_with_hands
from hmr.networks.conditions import conditions_of
from hmr.networks.config import BlocksConfig
from hmr.training.config import FitConfig
from hmr.training.preempted import PreemptedError
from hmr.training.run import TrainingRun

BODY = free_body(1200)


@pytest.fixture(scope="module")
def generator():
    torch.manual_seed(0)
    generator = Generator(GeneratorConfig(sampling_steps=2)).eval()
    torch.nn.init.normal_(generator.denoiser.network.joint_out, std=0.1)
    return generator


def test_states_are_normalised_and_back(generator, small_world):
    conditions = conditions_of(generator.branch, small_world["source"])
    states = torch.randn(16, 3, 133, generator=torch.Generator().manual_seed(0))
    denoiser = generator.denoiser
    torch.testing.assert_close(denoiser.denormalised(denoiser.normalised(states, conditions), conditions), states)


def test_the_error_is_that_of_the_target(small_world, generator):
    """A denoiser whose last layer is zero predicts zero: its error is the mean square of the target."""
    conditions = conditions_of(generator.branch, small_world["source"])
    torch.manual_seed(0)
    silent = Denoiser(BlocksConfig(), 64)
    g = torch.Generator().manual_seed(1)
    states = conditions.own[:, None] + 0.1 * torch.randn(16, 2, 133, generator=g)
    noise, t = torch.randn(16, 2, 133, generator=g), torch.randint(0, 1000, (16, 2), generator=g)
    x_0 = silent.normalised(states, conditions)
    _, target = silent.objective.corrupt(x_0.flatten(0, 1), noise.flatten(0, 1), t.flatten())
    with torch.no_grad():
        error = silent.error(states, conditions, noise, t)
    torch.testing.assert_close(error, target.square().mean(-1).view(16, 2))


def test_a_pictures_candidates_depend_on_its_place_alone(generator, small_world):
    views = small_world["source"]
    whole = generator.propose(views, BODY, 3, 7, "g").params
    part = generator.propose(views[[5, 2]], BODY, 3, 7, "g", places=[5, 2]).params
    torch.testing.assert_close(part.t_cam_root, whole[[5, 2]].t_cam_root, rtol=1e-3, atol=1e-3)
    other = generator.propose(views[[5, 2]], BODY, 3, 7, "g", places=[0, 1]).params
    assert not torch.allclose(part.t_cam_root, other.t_cam_root, atol=1e-3)


def test_a_generator_survives_its_files_with_its_body(tmp_path, generator, small_world):
    views = small_world["source"][:3]
    a = generator.propose(views, BODY, 4, 7, "a")
    generator.save_pretrained(tmp_path / "g")
    loaded = Generator.from_pretrained(tmp_path / "g")
    b = loaded.propose(views, BODY, 4, 7, "a")
    assert a.count == 4
    assert a.body == "free-body"
    assert torch.equal(a.params.R_parent_joint, b.params.R_parent_joint)
    assert loaded.denoiser.objective == generator.denoiser.objective
    with pytest.raises(ValueError, match="is of the body 'free-body', the body model is 'free-body-with-hands'"):
        loaded.propose(views, free_body_with_hands(2500), 1, 0, "a")
    (tmp_path / "g" / "model.safetensors").write_bytes(b"broken")
    with pytest.raises(ValueError, match="could not be read"):
        Generator.from_pretrained(tmp_path / "g")


def trained(samples, folder: Path, stops: list[int | None], seen: list[tuple[str, int, float]]) -> Generator:
    training = GeneratorTraining(
        FitConfig(4, 8, 1e-3, precision="no"), FitConfig(4, 8, 1e-3, ema_decay=0.9, precision="no")
    )

    def reports(stage: str):
        return lambda step, steps, values: seen.append((stage, step, values["loss"]))

    generator = None
    for stop in stops:
        run = TrainingRun(3, reports, folder, stop_at=stop)
        with suppress(PreemptedError):
            generator, _, _ = train_generator(GeneratorConfig(sampling_steps=2), training, samples, BODY, run)
    assert generator is not None
    return generator


def test_two_steps_then_four_is_four_steps(tmp_path, small_world):
    whole_seen: list[tuple[str, int, float]] = []
    resumed_seen: list[tuple[str, int, float]] = []
    whole = trained(small_world["source"], tmp_path / "a", [None], whole_seen)
    resumed = trained(small_world["source"], tmp_path / "b", [2, None], resumed_seen)
    assert ("denoiser", 2) not in {(stage, step) for stage, step, _ in resumed_seen[:2]}  # stopped in the branch
    ends = {stage: loss for stage, step, loss in whole_seen if step == 4}
    assert {stage: loss for stage, step, loss in resumed_seen if step == 4} == ends
    for name, weight in whole.state_dict().items():
        assert torch.equal(weight, resumed.state_dict()[name]), name


def test_one_golden_trajectory(tmp_path, small_world):
    """The first and last losses of both stages; they move when anything in data, network, objective or loop does."""
    seen: list[tuple[str, int, float]] = []
    trained(small_world["source"], tmp_path, [None], seen)
    golden = {
        ("branch", 1): GOLDEN[0],
        ("branch", 4): GOLDEN[1],
        ("denoiser", 1): GOLDEN[2],
        ("denoiser", 4): GOLDEN[3],
    }
    assert {(stage, step): loss for stage, step, loss in seen} == pytest.approx(golden, rel=5e-3)


GOLDEN = (8.6128, 7.4890, 0.87835, 0.87150)
