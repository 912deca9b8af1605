"""Nobody is looked at twice while they are remembered."""

import torch

from hmr.detection.remembered_sight import RememberedSight
from hmr.sight import Sight
from hmr.views import Prompts, Views


def views(*brightness: int) -> Views:
    n = len(brightness)
    rgb = torch.tensor(brightness, dtype=torch.uint8)[:, None, None, None].expand(n, 3, 4, 4).contiguous()
    return Views.whole(tuple(map(str, range(n))), rgb, torch.eye(3).expand(n, 3, 3))


class Eyes:
    """Sees how bright a view is."""

    def __init__(self) -> None:
        self.looked: list[list[int]] = []

    def __call__(self, some: Views) -> Sight:
        shown = some.rgb[:][:, 0, 0, 0]
        self.looked.append(shown.tolist())
        nothing = Sight.nothing(len(some))
        return Sight(nothing.coarse + shown[:, None, None, None], *(getattr(nothing, name) for name in
                     ("fine", "heat", "points", "world_m", "there")))  # fmt: skip


def test_only_what_is_new_is_looked_at_and_rows_stay_in_order():
    eyes = Eyes()
    remembered = RememberedSight(eyes)
    assert remembered(views(3, 5, 3)).coarse[:, 0, 0, 0].tolist() == [3, 5, 3]
    assert remembered(views(5, 7)).coarse[:, 0, 0, 0].tolist() == [5, 7]
    assert [sorted(looked) for looked in eyes.looked] == [[3, 5], [7]]
    assert len(remembered(views())) == 0


def test_what_was_not_asked_for_longest_is_forgotten_first():
    eyes = Eyes()
    remembered = RememberedSight(eyes, most=2)
    for shown in (1, 2, 1, 3, 1, 2):
        remembered(views(shown))
    assert eyes.looked == [[1], [2], [3], [2]]


def test_the_same_pixels_of_which_something_else_is_said_are_another_view():
    eyes = Eyes()
    remembered = RememberedSight(eyes)
    one = views(1)
    remembered(one)
    marked = Prompts.nothing(1)
    marked.keypoints_px[:, 0] = 1
    remembered(Views(one.key, one.rgb, one.camera, one.A_view_picture, marked))
    assert eyes.looked == [[1], [1]]
