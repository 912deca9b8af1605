"""Eyes that look once at each view."""

from dataclasses import replace

import torch

from hmr.detection.remembered import RememberingEyes
from hmr.sight import Sight
from hmr.views import Prompts, Views
from tests.support.lit import made_up_sight


class Counting:
    def __init__(self):
        self.keys = []

    def __call__(self, views):
        self.keys += views.key
        return Sight.cat([made_up_sight(1, int(pixel)) for pixel in views.rgb[:, 0, 0, 0]])


def views(*pixels):
    rgb = torch.stack([torch.full((3, 8, 8), pixel, dtype=torch.uint8) for pixel in pixels])
    return Views.whole(tuple(f"{i}-{p}" for i, p in enumerate(pixels)), rgb, torch.eye(3).expand(len(pixels), 3, 3))


def test_a_view_is_looked_at_once_and_rows_keep_their_order():
    counting = Counting()
    eyes = RememberingEyes(counting)
    first = eyes(views(3, 5))
    again = eyes(views(5, 7, 3))
    assert counting.keys == ["0-3", "1-5", "1-7"]
    torch.testing.assert_close(again.points[0], first.points[1])
    torch.testing.assert_close(again.points[2], first.points[0])
    torch.testing.assert_close(again.points[1], made_up_sight(1, 7).small().large().points[0])


def test_what_is_seen_does_not_depend_on_the_precision_around():
    plain = RememberingEyes(Counting())(views(3, 5))
    with torch.autocast("cpu", torch.bfloat16):
        around = RememberingEyes(Counting())(views(3, 5))
    assert torch.equal(plain.coarse, around.coarse)


def test_the_same_pixels_of_which_something_else_is_said_are_another_view():
    counting = Counting()
    eyes = RememberingEyes(counting)
    plain = views(3)
    eyes(plain)
    eyes(replace(plain, prompts=Prompts(torch.ones(1, 24, 3))))
    assert len(counting.keys) == 2


def test_the_oldest_are_forgotten():
    counting = Counting()
    eyes = RememberingEyes(counting, most=2)
    for pixel in (1, 2, 1, 3, 1, 2):
        eyes(views(pixel))
    assert counting.keys == ["0-1", "0-2", "0-3", "0-2"]
