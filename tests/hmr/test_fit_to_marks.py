"""Bodies are moved to where their points are marked."""

import dataclasses

import pytest
import torch
from roma import rotvec_to_rotmat

from adhmr.world.people import make_people
from adhmr.world.people_config import PeopleConfig
from hmr.body import BodyParams
from hmr.camera import project
from hmr.fit_to_marks import MarksFit, box_side, fit_to_marks, place_at_marks, points_and_derivatives
from hmr.free_body import free_body
from hmr.prompt_points import prompt_points

BODY = free_body(1200)


@pytest.fixture(scope="module")
def people():
    return make_people(PeopleConfig(truncated=0.0), 24, 5, BODY)


def marks_of(params, K):
    uv = project(prompt_points(params, BODY), K)
    return torch.cat([uv, torch.ones_like(uv[..., :1])], -1)


def disturbed(params):
    random = torch.Generator().manual_seed(0)

    def turn(*shape):
        return rotvec_to_rotmat(0.2 * torch.randn(*shape, generator=random))

    n = len(params.shape)
    return BodyParams(
        params.R_cam_root @ turn(n, 3),
        params.R_parent_joint @ turn(n, 23, 3),
        params.shape * 0,
        1.2 * params.t_cam_root,
    )


def off(params, people):
    marks = marks_of(people.label, people.K)
    return (marks_of(params, people.K) - marks).norm(dim=-1).mean(1) / box_side(marks)


def test_derivatives_are_those_of_small_changes(people):
    double = {
        f.name: value.double()
        for f in dataclasses.fields(BODY)
        if isinstance(value := getattr(BODY, f.name), torch.Tensor) and value.is_floating_point()
    }
    body, params = dataclasses.replace(BODY, **double), people.label.map(torch.Tensor.double)
    points, by_change = points_and_derivatives(params, body)
    for joint, axis in ((0, 1), (4, 0), (13, 2), (16, 1)):
        turn = torch.zeros(24, 3, dtype=torch.double)
        turn[joint, axis] = 1e-6
        R = rotvec_to_rotmat(turn)
        changed = dataclasses.replace(
            params, R_cam_root=params.R_cam_root @ R[0], R_parent_joint=params.R_parent_joint @ R[1:]
        )
        numeric = (prompt_points(changed, body) - points) / 1e-6
        torch.testing.assert_close(by_change[..., 3 * joint + axis], numeric, atol=1e-5, rtol=0)
    shaped = dataclasses.replace(params, shape=params.shape + 1e-6 * torch.eye(10, dtype=torch.double)[3])
    torch.testing.assert_close(by_change[..., 75], (prompt_points(shaped, body) - points) / 1e-6, atol=1e-4, rtol=0)


def test_a_disturbed_body_comes_back_to_its_marks_and_nearer_to_itself(people):
    start, marks = disturbed(people.label), marks_of(people.label, people.K)
    placed = place_at_marks(start, marks, people.K, BODY)
    fitted = fit_to_marks(start.reshape_batch(24, 1), marks, people.K, BODY).reshape_batch(24)
    assert off(placed, people).mean() < 0.9 * off(start, people).mean()
    assert off(fitted, people).mean() < 0.15 * off(placed, people).mean()

    def far(params):
        keypoints, truth = BODY.keypoints(params), BODY.keypoints(people.label)
        return (keypoints - keypoints[:, :1] - truth + truth[:, :1]).norm(dim=-1).mean()

    assert far(fitted) < 0.7 * far(start)


def test_an_exact_body_stays_and_so_does_one_of_which_nothing_is_marked(people):
    marks = marks_of(people.label, people.K)
    same = fit_to_marks(people.label.reshape_batch(24, 1), marks, people.K, BODY).reshape_batch(24)
    torch.testing.assert_close(same.R_parent_joint, people.label.R_parent_joint, atol=2e-3, rtol=0)
    start = disturbed(people.label).reshape_batch(24, 1)
    none = fit_to_marks(start, marks * torch.tensor([1.0, 1.0, 0.0]), people.K, BODY)
    assert torch.equal(none.R_parent_joint, start.R_parent_joint)
    assert torch.equal(none.t_cam_root, start.t_cam_root)


def test_one_mark_that_is_wrong_bends_no_limb(people):
    marks = marks_of(people.label, people.K)
    marks[:, 9, :2] += 0.6 * box_side(marks)[:, None]  # a wrist, far outside
    fitted = fit_to_marks(people.label.reshape_batch(24, 1), marks, people.K, BODY).reshape_batch(24)
    turned = (fitted.R_parent_joint - people.label.R_parent_joint).flatten(1).norm(dim=-1)
    assert turned.median() < 0.1


def test_one_mark_and_the_identical_one_for_all_are_no_reason_to_fail(people):
    marks = torch.zeros(24, 24, 3)
    marks[:, 0] = torch.tensor([0.5, 0.5, 1.0])
    start = people.label.reshape_batch(24, 1)
    fitted = fit_to_marks(start, marks, people.K, BODY, MarksFit(steps=3))
    assert all(bool(x.isfinite().all()) for x in (fitted.R_cam_root, fitted.t_cam_root, fitted.shape))
