import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from diffusion_hmr import Generator, GeneratorConfig
from hmr.networks.checkpoint import config_from_dict
from hmr.networks.config import EncoderConfig
from hmr.networks.encoder import PictureEncoder, sample_map
from hmr.training.batches import RowNumbers
from hmr.training.config import FitConfig
from hmr.training.fit import Hooks, TrainingDivergedError, fit, rows_of_step
from hmr.training.preempted import PreemptedError
from hmr.training.run import TrainingRun, to_one


def train(folder, stops, ema=0.9):
    torch.manual_seed(0)
    data, target = torch.randn(40, 5), torch.randn(40, 1)
    losses = {}
    model = nn.Linear(5, 1)
    for stop in stops:
        torch.manual_seed(0)
        _ = torch.randn(40, 5), torch.randn(40, 1)
        model = nn.Sequential(nn.Linear(5, 8), nn.Dropout(0.5), nn.Linear(8, 1))

        def loss(rows, random, model=model):
            noise = random.normal(len(rows), 5)
            return (model(data[rows] + 0.1 * noise) - target[rows]).square().mean(), {}

        config = FitConfig(steps=4, batch_size=8, lr=1e-2, ema_decay=ema, precision="no")
        reports = to_one(lambda s, n, v: losses.__setitem__(s, v["loss"]))
        with suppress(PreemptedError):
            fit(model, loss, RowNumbers(40), config, TrainingRun(3, reports, folder, stop_at=stop))
    return model, losses


def test_two_steps_then_four_is_four_steps(tmp_path):
    whole, losses = train(tmp_path / "a", [4])
    resumed, again = train(tmp_path / "b", [2, 4])
    assert losses[4] == again[4]
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), resumed.parameters(), strict=True))
    assert not list((tmp_path / "b").glob("training_state-*.pt"))


class Toy(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.first, self.second, self.unused = nn.Linear(5, 8), nn.Linear(8, 1), nn.Linear(1, 1)

    def encode(self, x):
        return self.second(self.first(x).tanh())


def train_toy(accumulation=1, folder=None, report=None, shard=False, stop_at=None):
    """A loss that draws random numbers and does not call forward; returns its curve, and the network."""
    generator = torch.Generator().manual_seed(0)
    data, target = torch.randn(40, 5, generator=generator), torch.randn(40, 1, generator=generator)
    model, losses = Toy(), []

    def loss(rows, random):
        noise = random.normal(len(rows), 5)
        weight = random.integers(3, len(rows), 1)
        return (weight * (model.encode(data[rows] + noise) - target[rows]).square()).mean(), {}

    config = FitConfig(
        steps=31,
        batch_size=8,
        lr=3e-2,
        precision="no",
        gradient_accumulation_steps=accumulation,
        shard=shard,
        ema_decay=0.9,
    )
    reports = to_one(report or (lambda s, n, v: losses.append(v["loss"])))
    with suppress(PreemptedError):
        fit(model, loss, RowNumbers(40), config, TrainingRun(3, reports, folder, stop_at=stop_at))
    return losses, model


def test_accumulated_gradients_are_those_of_the_whole_batch():
    whole, _ = train_toy()
    assert len(whole) > 3
    assert train_toy(accumulation=4)[0] == pytest.approx(whole, rel=1e-5)
    with pytest.raises(ValueError, match="dealt out evenly"):
        train_toy(accumulation=3)


@pytest.mark.parametrize(
    "arguments", [[], ["shard"], ["shard", "11", "20"]], ids=["ddp", "fsdp", "fsdp, stopped twice"]
)
def test_two_processes_give_the_curve_of_one(tmp_path, arguments):
    """Two gloo processes on the CPU, each with half of every batch; the weights at the end are plain and whole in both."""
    script = Path(__file__).parents[2] / "support" / "train_toy.py"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", str(script), str(tmp_path)]
    done = subprocess.run(
        [sys.executable, *launch, *arguments], env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert not list(tmp_path.glob("states/*"))
    losses, model = train_toy()
    for rank in (0, 1):
        curve = json.loads((tmp_path / f"curve-{rank}.json").read_text())
        if len(arguments) < 2:  # a run that stops also reports its last step before that
            assert curve == pytest.approx(losses, rel=1e-5)
        assert curve[-1] == pytest.approx(losses[-1], rel=1e-5)
        weights = torch.load(tmp_path / f"weights-{rank}.pt", weights_only=True)
        for name, value in model.state_dict().items():
            torch.testing.assert_close(weights[name], value, rtol=1e-5, atol=1e-6)


def test_a_state_of_another_run_is_refused(tmp_path):
    model = nn.Linear(2, 1)

    def loss(rows, random):
        return model(torch.ones(len(rows), 2)).mean(), {}

    config = FitConfig(steps=4, batch_size=2, precision="no", keep_last=2)
    with suppress(PreemptedError):
        fit(model, loss, RowNumbers(8), config, TrainingRun(folder=tmp_path, save_every=1, stop_at=3))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["training_state-2.pt", "training_state-3.pt"]
    with pytest.raises(ValueError, match="seed was 0, is 1"):
        fit(model, loss, RowNumbers(8), config, TrainingRun(1, folder=tmp_path))
    for changes in ({"lr": 1.0}, {"batch_size": 4}, {"ema_decay": 0.5}, {"steps": 9}):
        with pytest.raises(ValueError, match=f"fit.{next(iter(changes))} was"):
            fit(model, loss, RowNumbers(8), replace(config, **changes), TrainingRun(folder=tmp_path))
    with pytest.raises(ValueError, match="content of data was None, is a1b2"):
        fit(model, loss, RowNumbers(8), config, TrainingRun(folder=tmp_path, marks={"content of data": "a1b2"}))
    state = torch.load(tmp_path / "training_state-3.pt", weights_only=True)
    torch.save({**state, "marks": {**state["marks"], "processes": "2"}}, tmp_path / "training_state-3.pt")
    with pytest.raises(ValueError, match="processes was 2, is 1"):
        fit(model, loss, RowNumbers(8), config, TrainingRun(folder=tmp_path))


def test_sigterm_saves_and_the_same_call_continues(tmp_path):
    model = nn.Linear(2, 1)

    def loss(rows, random):
        return model(torch.ones(len(rows), 2)).square().mean(), {}

    def ask(step):
        if step == 2 and not list(tmp_path.iterdir()):
            os.kill(os.getpid(), signal.SIGTERM)

    config = FitConfig(steps=5, batch_size=2, precision="no")
    hooks = Hooks(before_step=ask)
    with pytest.raises(PreemptedError, match="after step 3 of 5; the state is saved"):
        fit(model, loss, RowNumbers(8), config, TrainingRun(folder=tmp_path), hooks)
    assert (tmp_path / "training_state-3.pt").exists()
    fit(model, loss, RowNumbers(8), config, TrainingRun(folder=tmp_path), hooks)
    assert not list(tmp_path.iterdir())


def test_every_row_is_seen_once_in_an_epoch():
    rows = torch.cat([rows_of_step(step, 40, 8, 1) for step in range(5)])
    assert sorted(rows.tolist()) == list(range(40))


def test_a_loss_that_is_not_finite_stops_with_advice():
    model = nn.Linear(1, 1)
    with pytest.raises(TrainingDivergedError, match="lower lr"):
        fit(model, lambda r, g: (model.weight.sum() * torch.nan, {}), RowNumbers(8), FitConfig(steps=2), TrainingRun())


def test_nothing_to_train_on():
    with pytest.raises(ValueError, match="nothing to train on"):
        fit(nn.Linear(1, 1), lambda r, g: (torch.zeros(1), {}), RowNumbers(0), FitConfig(steps=1), TrainingRun())


def test_an_unknown_configuration_key_suggests_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'sampling_steps'"):
        config_from_dict(GeneratorConfig, {"sampling_step": 3})


@pytest.mark.parametrize(
    ("config", "size"),
    [
        (EncoderConfig(), 64),
        (EncoderConfig(backbone="vit_tiny_patch16_224", backbone_args={"depth": 2}, lateral=(), deconvolutions=1), 64),
    ],
)
def test_any_timm_backbone_gives_a_global_and_a_local_map(config, size):
    coarse, fine = PictureEncoder(config, size)(torch.rand(2, 3, size, size))
    assert fine.shape[-1] == coarse.shape[-1] * 2**config.deconvolutions
    assert coarse.shape[1] == fine.shape[1] == config.channels


def test_features_are_sampled_where_the_pixel_is():
    ramp = torch.arange(4.0).expand(1, 1, 4, 4)
    uv = torch.tensor([[[-0.75, 0.0], [0.75, 0.0], [0.0, 0.0]]])
    assert torch.allclose(sample_map(ramp, uv)[0, :, 0], torch.tensor([0.0, 3.0, 1.5]))


def test_a_generator_samples_and_survives_its_files(tmp_path, small_world):
    from hmr.free_body import free_body

    torch.manual_seed(0)
    generator = Generator(GeneratorConfig(sampling_steps=2))
    samples, body = small_world["source"][:3], free_body(1200)
    a = generator.propose(samples, body, 4, 7, "a")
    generator.save_pretrained(tmp_path / "g")
    b = Generator.from_pretrained(tmp_path / "g").propose(samples, body, 4, 7, "a")
    assert a.count == 4
    assert torch.equal(a.params.R_parent_joint, b.params.R_parent_joint)
    (tmp_path / "g" / "model.safetensors").write_bytes(b"broken")
    with pytest.raises(ValueError, match="could not be read"):
        Generator.from_pretrained(tmp_path / "g")


def test_a_branch_that_had_finished_is_not_trained_again(tmp_path, small_world):
    from hmr.free_body import free_body
    from hmr.networks.config import ImageBranchConfig
    from hmr.networks.image_branch import ImageBranch
    from hmr.training.train_branch import split_rows, train_image_branch

    steps: list[int] = []
    branches = []
    for _ in range(2):
        branch = ImageBranch(ImageBranchConfig(), 64)
        config = FitConfig(steps=2, batch_size=4)
        run = TrainingRun(0, to_one(lambda s, n, v: steps.append(s)), tmp_path)
        train_image_branch(branch, small_world["source"], free_body(1200), config, run)
        branches.append(branch.state_dict())
    assert steps == [1, 2]
    assert all(torch.equal(branches[0][key], branches[1][key]) for key in branches[0])
    with pytest.raises(ValueError, match="leaves nothing on one side"):
        split_rows(3, 0.0, 0)


def test_a_part_of_a_checkpoint_starts_another_network(tmp_path):
    from hmr.networks.checkpoint import load_part
    from scorer import Scorer, ScorerConfig

    generator, scorer = Generator(GeneratorConfig()), Scorer(ScorerConfig())
    generator.save_pretrained(tmp_path / "g")
    load_part(tmp_path / "g", "branch", scorer.branch)
    weights = generator.branch.state_dict()
    assert all(torch.equal(value, weights[key]) for key, value in scorer.branch.state_dict().items())
    with pytest.raises(ValueError, match="does not fit its configuration"):
        load_part(tmp_path / "g", "denoiser", scorer.branch)
