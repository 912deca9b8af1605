"""What the generator is told of what the scorer is told."""

import torch

from adhmr.photograph_loop.telling import WITHHELD, as_told
from hmr.views import Prompts, Views


def views(n=5):
    K = torch.tensor([[40.0, 0, 16], [0, 40, 16], [0, 0, 1]]).expand(n, 3, 3)
    whole = Views.whole(tuple(f"p{i}" for i in range(n)), torch.zeros(n, 3, 32, 32, dtype=torch.uint8), K)
    px = torch.rand(n, 24, 3, generator=torch.Generator().manual_seed(0)) + 0.1
    px[:, 20:] = 0
    return Views(whole.key, whole.rgb, whole.camera, whole.A_view_picture, Prompts(px.clamp_max(1)))


def test_all_and_nothing():
    told = views()
    assert as_told(told, "all") is told
    assert as_told(told, "nothing").prompts is None
    assert as_told(as_told(told, "nothing"), "fewer").prompts is None


def test_three_marks_of_each_person_are_withheld_whoever_stands_beside():
    told = views()
    fewer = as_told(told, "fewer")
    before, after = (one.prompts.keypoints_px[..., 2] > 0 for one in (told, fewer))
    assert (before & ~after).sum(1).tolist() == [WITHHELD] * len(told)
    assert not (after & ~before).any()
    some = as_told(told[[3, 1]], "fewer")
    assert torch.equal(some.prompts.keypoints_px, fewer.prompts.keypoints_px[[3, 1]])
    assert len({tuple(row.tolist()) for row in (before & ~after)}) > 1
