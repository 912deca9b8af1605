"""The regressor of 24 joints: its training stopped and resumed, and one golden trajectory."""

from contextlib import suppress

import pytest
import torch

from hmr.free_body import free_body
from hmr.networks.branch_loss import Targets
from hmr.networks.conditions import conditions_of
from hmr.training.config import FitConfig
from hmr.training.preempted import PreemptedError
from hmr.training.run import TrainingRun, to_one
from regressors import Regressor, RegressorConfig
from regressors.regressor import train_regressor_head

BODY = free_body(1200)


def trained(samples, folder, stops, losses):
    torch.manual_seed(0)
    regressor = Regressor(RegressorConfig())
    start = {name: value.clone() for name, value in regressor.state_dict().items()}
    conditions, states = conditions_of(regressor.branch, samples), Targets.of(samples, BODY).state
    for stop in stops:
        regressor.load_state_dict(start)
        reports = to_one(lambda step, steps, values: losses.__setitem__(step, values["loss"]))
        run = TrainingRun(3, reports, folder, stop_at=stop)
        with suppress(PreemptedError):
            train_regressor_head(regressor, conditions, states, FitConfig(4, 8, 1e-2, precision="no"), run)
    return regressor


def test_two_steps_then_four_is_four_steps(tmp_path, small_world):
    whole, resumed = {}, {}
    a = trained(small_world["source"], tmp_path / "a", [None], whole)
    b = trained(small_world["source"], tmp_path / "b", [2, None], resumed)
    assert whole[4] == resumed[4]
    assert all(torch.equal(x, y) for x, y in zip(a.head.parameters(), b.head.parameters(), strict=True))


def test_one_golden_trajectory(tmp_path, small_world):
    losses: dict[int, float] = {}
    trained(small_world["source"], tmp_path, [None], losses)
    assert (losses[1], losses[4]) == pytest.approx(GOLDEN, rel=5e-3)


def test_it_gives_one_body_whatever_is_asked_for(small_world):
    torch.manual_seed(0)
    found = Regressor(RegressorConfig()).propose(small_world["source"], BODY, 10, 0, "r")
    assert found.count == 1
    assert found.params.R_parent_joint.isfinite().all()


GOLDEN = (0.90786, 0.54520)
