"""Figures of bodies against marks, and which marks are whose."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from adhmr.photograph_loop.human_marks import boxes_in_photograph, matched
from adhmr.photograph_loop.judged import Judged
from adhmr.photograph_loop.measures import KINDS, Column, change, columns_of, level
from hmr.body import BodyParams
from hmr.camera import project
from hmr.fit_to_marks import box_side
from hmr.free_body import free_body
from hmr.hypotheses import Hypotheses
from hmr.prompt_points import prompt_points
from hmr.views import Prompts

BODY = free_body(1200)


def exact_marks(rendered) -> torch.Tensor:
    """(n, 24, 3) in the crops' pixels."""
    uv = project(prompt_points(rendered.label, BODY), rendered.K)
    return torch.cat([uv, torch.ones_like(uv[..., :1])], -1)


def judged(rendered, errors: torch.Tensor) -> Judged:
    """Two candidates a person, both the truth."""
    n = len(rendered)
    params = BodyParams.cat([rendered.label.reshape_batch(n, 1), rendered.label.reshape_batch(n, 1)])
    params = rendered.label.reshape_batch(n, 1)[torch.arange(n)[:, None], torch.zeros(n, 2, dtype=torch.long)]
    hypotheses = Hypotheses(rendered.key, params, BODY.family, "truth", 0)
    return Judged(hypotheses, -errors, errors, -errors, torch.full_like(errors, torch.nan), torch.zeros(n))


def test_the_truth_is_where_it_is_marked_and_marks_that_are_off_are_counted(rendered):
    marks = exact_marks(rendered)
    errors = torch.tensor([[10.0, 20.0]]).repeat(len(rendered), 1)
    views = replace(rendered.unlabelled(), prompts=Prompts(marks))
    columns = columns_of(judged(rendered, errors), views, BODY, None)
    assert set(columns) <= set(KINDS)
    assert not any(name.startswith(("human", "held_out")) for name in columns)
    for body in ("chosen", "mean", "sample"):
        assert level(columns[f"told/{body}/distance"])["value"] == pytest.approx(0, abs=0.01)
        assert level(columns[f"told/{body}/pck_05"])["value"] == 100
    assert level(columns["scorer/chosen/expected_error"])["value"] == 10
    assert level(columns["scorer/sample/expected_error"])["value"] == 15

    off = marks.clone()
    off[:, 0, 0] += 0.07 * box_side(marks)  # one of 24 points, of each person
    off[:, 1, 2] = 0.1  # one that is a guess
    columns = columns_of(judged(rendered, errors), views, BODY, off)
    assert level(columns["human/chosen/pck_10"])["value"] == 100
    assert level(columns["human/chosen/pck_05"])["value"] == pytest.approx(100 * 22 / 23, abs=0.01)
    assert columns["human/chosen/distance"].count.tolist() == [23.0] * len(rendered)


def test_changes_are_paired_and_people_without_marks_do_not_count():
    old = Column(np.array([10.0, 30.0, 0.0]), np.array([1.0, 1.0, 0.0]))
    new = Column(old.total - [1, 1, 0], old.count)
    assert level(old)["value"] == 20
    assert level(old)["n"] == old.people == 2
    assert change(new, old) == {"value": -1.0, "low": -1.0, "high": -1.0, "n": 2}


def test_a_person_in_two_boxes_is_judged_once_by_the_nearer_one():
    ours = np.array([[0.0, 0, 10, 10], [1, 1, 10, 10], [50, 50, 60, 60]])
    assert matched([np.array([1.0, 1, 10, 10]), np.array([90.0, 90, 99, 99])], ours) == [(0, 1)]


def test_boxes_are_those_of_what_is_told_of_people_in_the_photograph_s_pixels(rendered):
    marks = exact_marks(rendered)
    shift = torch.tensor([[2.0, 0, -30], [0, 2, -10], [0, 0, 1]]).expand(len(rendered), 3, 3)
    views = replace(rendered.unlabelled(), A_view_picture=shift, prompts=Prompts(marks))
    expected = (marks[..., :2].amin(1) + torch.tensor([30.0, 10.0])) / 2
    assert torch.allclose(boxes_in_photograph(views)[:, :2], expected, atol=1e-3)
    whole = boxes_in_photograph(replace(views, prompts=None))
    assert torch.allclose(whole[0], torch.tensor([15.0, 5.0, (128 + 30) / 2, (128 + 10) / 2]))
