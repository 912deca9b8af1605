"""The terms of CoEvoer's loss against numbers worked out by hand: a prediction that is the label, but for one thing."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from adhmr.world.make_expressive import Scene, make_expressive_samples
from hmr.body import BodyParams
from hmr.camera import project
from hmr.free_body import free_body_with_hands
from hmr.part_boxes import part_boxes
from hmr.pose_state import uvd_from_points
from hmr.samples import Samples
from hmr.skeleton_smplx import SMPLX
from regressors.expressive import NUM_BODY_JOINTS, ExpressivePrediction
from regressors.expressive_loss import localisation_loss, parameter_loss
from regressors.parts import Boxes

MODEL = free_body_with_hands(2500)
HALF_TURN_ABOUT_Z = torch.diag(torch.tensor([-1.0, -1.0, 1.0]))


@pytest.fixture(scope="module")
def label() -> Samples:
    return make_expressive_samples(Scene(), 3, 32, 0, MODEL, "r")[0]


def saying(label: Samples, params: BodyParams) -> ExpressivePrediction:
    """Right about every place, sure of none: heat maps are flat, and a part is in the picture with probability one half."""
    points = MODEL.keypoints(label.label)
    box = part_boxes(project(points, label.K), label.size)[0]
    n = len(label)
    boxes = Boxes(box, torch.zeros(n, 3), torch.zeros(n, 3, 4, 4))
    return ExpressivePrediction(
        params, boxes, uvd_from_points(points[:, :NUM_BODY_JOINTS], label.K, label.size), torch.zeros(n, 22, 4, 4)
    )


def test_the_label_itself_costs_nothing(label) -> None:
    total, parts = parameter_loss(saying(label, label.label), label, MODEL)
    assert float(total) == pytest.approx(0.0, abs=1e-5)
    assert set(parts) == {
        "rotation", "shape", "expression", "points_3d", "points_2d", "left_hand", "right_hand", "face"
    }  # fmt: skip


def test_betas_and_expressions(label) -> None:
    shape, expression = label.label.shape.clone(), label.label.expression.clone()
    shape[:, 3] += 0.5
    expression[:, 0] -= 0.2
    parts = parameter_loss(saying(label, replace(label.label, shape=shape, expression=expression)), label, MODEL)[1]
    assert float(parts["shape"]) == pytest.approx(0.05)  # 0.5 in one of ten
    assert float(parts["expression"]) == pytest.approx(0.02)
    assert float(parts["rotation"]) == 0.0


def test_a_body_turned_by_half_about_the_line_of_sight(label) -> None:
    """Of R its first two rows change sign, of points about the pelvis x and y do."""
    turned = replace(label.label, R_cam_root=HALF_TURN_ABOUT_Z @ label.label.R_cam_root)
    parts = parameter_loss(saying(label, turned), label, MODEL)[1]
    assert float(parts["rotation"]) == pytest.approx(
        float(2 * label.label.R_cam_root[:, :2].abs().sum((1, 2)).mean() / 9), rel=1e-4
    )
    points = MODEL.keypoints(label.label)
    about_pelvis = points - points[:, :1]
    assert float(parts["points_3d"]) == pytest.approx(
        float(2 * about_pelvis[..., :2].abs().sum(-1).mean() / 3), rel=1e-3
    )
    wrist = SMPLX.joint_names.index("left_wrist")
    about_wrist = (points - points[:, wrist, None])[:, SMPLX.parts["left_hand"]]
    assert float(parts["left_hand"]) == pytest.approx(
        float(2 * about_wrist[..., :2].abs().sum(-1).mean() / 3), rel=1e-3
    )


def test_a_body_beside_its_place_costs_2d_keypoints_alone(label) -> None:
    """Moved by x metres to the side, a point at depth z goes f x / z pixels, in one of two coordinates."""
    beside = replace(label.label, t_cam_root=label.label.t_cam_root + torch.tensor([0.05, 0.0, 0.0]))
    total, parts = parameter_loss(saying(label, beside), label, MODEL)
    depth = MODEL.keypoints(label.label)[..., 2]
    off_px = label.K[:, 0, 0, None] * 0.05 / depth
    expected = float((off_px / 2 / label.size).mean())
    assert float(parts["points_2d"]) == pytest.approx(expected, rel=1e-3)
    assert float(total) == pytest.approx(2.0 * expected, rel=1e-3)


def test_places(label) -> None:
    right = saying(label, label.label)
    uvd = right.joints_uvd.clone()
    uvd[..., 0] += 0.3
    square = right.boxes.square.clone()
    square[:, :, 2] += 0.06
    off = replace(right, joints_uvd=uvd, boxes=replace(right.boxes, square=square))
    parts = localisation_loss(off, label, MODEL)[1]
    assert float(parts["uvd"]) == pytest.approx(0.1, rel=1e-4)  # one of u, v, d
    assert float(parts["boxes"]) == pytest.approx(0.02, rel=1e-4)  # one of x, y, side
    assert float(parts["seen"]) == pytest.approx(math.log(2))
    # Against a flat map of 4 x 4 cells every target has a cross-entropy of log 16.
    assert float(parts["heatmaps"]) == pytest.approx(math.log(16), rel=1e-5)
    assert float(parts["box_heatmaps"]) == pytest.approx(math.log(16), rel=1e-5)
