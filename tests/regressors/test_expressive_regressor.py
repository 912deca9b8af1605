"""Regressors of bodies with hands: their losses' masks, their boxes, their files, and training that goes on where it stopped."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from adhmr.loading import load_estimator
from adhmr.world.make_expressive import Scene, make_expressive_samples
from hmr.free_body import free_body_with_hands
from hmr.networks.config import EncoderConfig
from hmr.skeleton import SMPL
from hmr.skeleton_smplx import PART_NAMES, SMPLX
from hmr.training.config import FitConfig
from hmr.training.preempted import PreemptedError
from hmr.training.run import TrainingRun
from regressors import CoEvoerConfig, ExpressiveConfig, ExpressiveRegressor
from regressors.config import ExpressiveTraining
from regressors.enhancer import Exchange, each_other, everything, itself
from regressors.expressive_loss import expressive_loss, parameter_loss, part_of_joints, part_of_keypoints
from regressors.parts import crop_parts
from regressors.train_expressive import train_expressive, train_in_stages

MODEL = free_body_with_hands(2500)
TINY = EncoderConfig(backbone_args={"channels": [8, 8, 16, 16]}, channels=16)
COEVOER = ExpressiveConfig(32, encoder=TINY, cells=2, hidden=32, between=CoEvoerConfig(torso_tokens=2, heads=2))
OSX = replace(COEVOER, between=None)


@pytest.fixture(scope="module")
def samples():
    return make_expressive_samples(Scene(), 8, 32, 0, MODEL, "r")[0]


def test_every_keypoint_and_joint_has_its_part() -> None:
    parts = part_of_joints()
    assert [int((parts == i).sum()) for i in range(4)] == [19, 16, 16, 3]
    assert [int((part_of_keypoints() == i).sum()) for i in range(4)] == [22, 20, 20, 19]


@pytest.mark.parametrize("config", [COEVOER, OSX], ids=["coevoer", "osx"])
def test_a_part_that_is_not_known_is_not_learnt_from(samples, config) -> None:
    torch.manual_seed(0)
    regressor = ExpressiveRegressor(config)
    predicted = regressor(samples.pictures(), samples.K)
    R = samples.label.R_parent_joint.clone()
    R[:, [j - 1 for j in SMPLX.part_joints["left_hand"]]] = torch.nan
    known = samples.part_known.clone()
    known[:, PART_NAMES.index("left_hand")] = False
    broken = replace(samples, label=replace(samples.label, R_parent_joint=R), part_known=known)
    whole = parameter_loss(predicted, replace(samples, part_known=known), MODEL)[0]
    missing = parameter_loss(predicted, broken, MODEL)[0]
    assert torch.allclose(whole, missing)
    expressive_loss(predicted, broken, MODEL)[0].backward()
    assert all(p.grad is None or bool(p.grad.isfinite().all()) for p in regressor.parameters())
    # Its own head gets nothing.
    assert float(regressor.hand_head[0][0].weight.grad.abs().max()) == 0.0  # pyright: ignore
    assert float(regressor.hand_head[1][0].weight.grad.abs().max()) > 0.0  # pyright: ignore


def test_a_hand_whose_body_is_not_known_teaches_its_fingers_and_not_its_place(samples) -> None:
    torch.manual_seed(0)
    regressor = ExpressiveRegressor(OSX)
    R = samples.label.R_parent_joint.clone()
    R[:, :21] = torch.nan
    nowhere = torch.full_like(samples.label.t_cam_root, torch.nan)
    known = samples.part_known & torch.tensor([name == "left_hand" for name in PART_NAMES])
    label = replace(samples.label, R_parent_joint=R, t_cam_root=nowhere)
    loss, parts = expressive_loss(
        regressor(samples.pictures(), samples.K), replace(samples, label=label, part_known=known), MODEL
    )
    loss.backward()
    assert [name for name, value in parts.items() if float(value) != 0.0] == ["rotation"]
    assert float(regressor.hand_head[0][0].weight.grad.abs().max()) > 0.0  # pyright: ignore
    assert bool(regressor.hand_head[0][0].weight.grad.isfinite().all())  # pyright: ignore


def test_geometry_is_not_in_bf16(samples) -> None:
    torch.manual_seed(0)
    regressor = ExpressiveRegressor(OSX)
    with torch.autocast("cpu", torch.bfloat16):
        predicted = regressor(samples.pictures(), samples.K)
    params = predicted.params
    assert all(x.dtype == torch.float32 for x in (params.R_cam_root, params.R_parent_joint, params.t_cam_root))
    with torch.no_grad():
        R = params.R_cam_root @ params.R_cam_root.mT
    assert float((R - torch.eye(3)).abs().max()) < 1e-5  # in bf16 it is 1e-2


def test_labels_without_hands_teach_the_body_alone(samples) -> None:
    bodies = samples.with_smpl_joints().with_smplx_joints()
    regressor = ExpressiveRegressor(OSX)
    expressive_loss(regressor(bodies.pictures(), bodies.K), bodies, MODEL)[0].backward()
    assert float(regressor.hand_head[0][0].weight.grad.abs().max()) == 0.0  # pyright: ignore
    assert float(regressor.body_head[0].weight.grad.abs().max()) > 0.0  # pyright: ignore


def test_boxes_of_no_area_and_outside_the_picture_give_finite_features() -> None:
    square = torch.tensor([[[0.5, 0.5, 0.0], [3.0, -2.0, 0.2], [0.5, 0.5, 5.0]]])
    tokens = crop_parts(torch.randn(1, 4, 8, 8), square, 3)
    assert tokens.shape == (1, 3, 9, 4)
    assert bool(tokens.isfinite().all())
    assert float(tokens[0, 1].abs().max()) == 0.0


def test_the_exchanges_have_as_many_parameters_and_only_one_keeps_parts_apart() -> None:
    Z, T = torch.randn(2, 3, 4, 16), torch.randn(2, 3, 2, 16)
    other = T.clone()
    other[:, 1] = torch.randn(2, 2, 16)  # the torso's segment of the right hand
    sizes = set()
    moved = {}
    for memory in (each_other, everything, itself):
        torch.manual_seed(0)
        exchange = Exchange(16, 2, 1, memory)
        sizes.add(sum(p.numel() for p in exchange.parameters()))
        moved[memory] = (exchange(Z, other)[0] - exchange(Z, T)[0]).abs().amax((0, 2, 3)) > 1e-6
    assert len(sizes) == 1
    assert moved[each_other].tolist() == [False, True, False]
    assert moved[everything].tolist() == [True, True, True]
    assert moved[itself].tolist() == [False, False, False]


def test_a_checkpoint_is_an_estimator_with_one_hypothesis(samples, tmp_path: Path) -> None:
    torch.manual_seed(0)
    regressor = ExpressiveRegressor(COEVOER).eval()
    regressor.save_pretrained(tmp_path)
    loaded = load_estimator(tmp_path)
    assert isinstance(loaded, ExpressiveRegressor)
    assert loaded.config == COEVOER
    ours, theirs = (r.propose(samples, MODEL.smpl, 10, 0, "x").params for r in (regressor, loaded))
    assert ours.batch_shape == (8, 1)
    assert ours.skeleton is SMPL
    with_hands = regressor.propose(samples, MODEL, 10, 0, "x").params
    assert with_hands.skeleton is SMPLX
    assert torch.equal(with_hands.R_parent_joint[..., :21, :, :], ours.R_parent_joint[..., :21, :, :])
    assert torch.equal(ours.R_parent_joint, theirs.R_parent_joint)
    with pytest.raises(ValueError, match="32 px crops, the pictures are 48 px"):
        loaded.check_size(make_expressive_samples(Scene(), 1, 48, 0, MODEL, "s")[0])


def test_labels_of_which_nothing_is_known_are_refused(samples) -> None:
    nothing = replace(samples, part_known=torch.zeros_like(samples.part_known))
    with pytest.raises(ValueError, match="nothing to learn from"):
        train_expressive(OSX, nothing, MODEL, ExpressiveTraining(bodies=FitConfig(1, 4)), TrainingRun())


@pytest.mark.parametrize("stage", [0, 1], ids=["places", "bodies"])
def test_a_stage_that_is_stopped_in_its_middle_goes_on_there(samples, tmp_path: Path, stage: int) -> None:
    training = ExpressiveTraining(FitConfig(12, 4, 1e-3), FitConfig(12, 4, 1e-3))
    reported: list[list[int]] = [[], []]

    def train(folder: Path, stopped: bool = False) -> ExpressiveRegressor:
        for steps in reported:
            steps.clear()

        def report(of: int, step: int) -> None:
            reported[of].append(step)
            if stopped and (of, step) == (stage, 1):
                os.kill(os.getpid(), signal.SIGTERM)

        def reports(name: str):
            return lambda step, *_: report(["places", "bodies"].index(name), step)

        return train_in_stages(OSX, training, samples, MODEL, TrainingRun(0, reports, folder))

    whole = train(tmp_path / "whole").state_dict()
    assert reported == [[1, 11, 12], [1, 11, 12]]
    with pytest.raises(PreemptedError, match="after step 1 of 12; the state is saved"):
        train(tmp_path / "cut", stopped=True)
    again = train(tmp_path / "cut").state_dict()
    assert reported == [[[11, 12], [1, 11, 12]], [[], [11, 12]]][stage]
    assert all(torch.equal(whole[name], again[name]) for name in whole)
