"""The lit branch: marks and sight together, either alone."""

import pytest
import torch

from hmr.keypoint_sets import PROMPT_POINTS
from hmr.networks.conditions import conditions_of
from hmr.networks.lit_branch import LitBranch, marks_or_seen
from hmr.sight import Sight
from hmr.training.batch_random import BatchRandom
from hmr.training.lit_people import WithUnseen
from hmr.views import Prompts, Views
from tests.support.lit import LIT, lit_people, made_up_sight

TOWARDS = torch.tensor([[0.1, 0.0, 1.0]]).expand(3, 3)


def branch() -> LitBranch:
    torch.manual_seed(0)
    made = LitBranch(LIT)
    torch.nn.init.normal_(made.seen_in[-1].weight, std=0.1)
    return made.eval()


def marks(confidence: float) -> torch.Tensor:
    out = torch.rand(3, len(PROMPT_POINTS), 3, generator=torch.Generator().manual_seed(1))
    out[..., 2] = confidence
    return out


def test_in_the_dark_it_does_not_matter_what_would_be_seen():
    dark = made_up_sight(3).small().large(torch.zeros(3, dtype=torch.bool))
    a = branch().conditions(dark, marks(1.0), TOWARDS)
    b = branch().conditions(Sight.nothing(3), marks(1.0), TOWARDS)
    torch.testing.assert_close(a.own, b.own)
    torch.testing.assert_close(a.memory, b.memory)
    lit = branch().conditions(made_up_sight(3), marks(1.0), TOWARDS)
    assert (lit.own - a.own).abs().max() > 1e-3


def test_where_nothing_is_said_what_is_seen_is_lifted():
    sight = made_up_sight(3)
    told = marks_or_seen(marks(0.0) * 0, sight)
    nose = PROMPT_POINTS.place["nose"]
    torch.testing.assert_close(told[:, nose], sight.points[:, 0])
    assert torch.equal(marks_or_seen(marks(0.5), sight), marks(0.5))


def test_views_without_eyes_are_dark_and_with_eyes_are_seen():
    rgb = torch.zeros(3, 3, 8, 8, dtype=torch.uint8)
    K = torch.tensor([[8.0, 0, 4], [0, 8, 4], [0, 0, 1]]).expand(3, 3, 3)
    views = Views.whole(("a", "b", "c"), rgb, K)
    px = marks(1.0)
    px[..., :2] *= 8
    views = Views(views.key, rgb, views.camera, views.A_view_picture, Prompts(px))
    made = branch()
    dark = conditions_of(made, views)
    made.eyes = lambda some: made_up_sight(len(some))
    lit = conditions_of(made, views)
    assert dark.memory.shape == lit.memory.shape == (3, 64 + 3, 16)
    assert lit.local.shape == (3, 52, 16)
    assert (dark.own - lit.own).abs().max() > 1e-3


def test_people_are_shown_in_the_shares_that_were_asked_for_and_mixed_with_others():
    _, lit = lit_people(400)
    _, other = lit_people(50, seed=1)
    batch = WithUnseen(lit, other.people).load(torch.arange(400), BatchRandom(0, torch.device("cpu")))
    assert len(batch.marks) == len(batch.sight) == 800
    assert not batch.sight.there[400:].any()
    assert 0.85 < batch.sight.there[:400].float().mean() < 0.95
    nothing = (batch.marks[:400, :, 2] <= 0).all(1).float().mean()
    assert 0.06 < nothing < 0.2


def test_sight_of_other_sizes_is_refused_by_name():
    sight = made_up_sight(2)
    with pytest.raises(ValueError, match=r"Sight\.fine"):
        Sight(sight.coarse, sight.fine[:, :4], sight.heat, sight.points, sight.world_m, sight.there)
