"""People in any pose, in pictures."""

import torch

from adhmr.world.people import make_people
from adhmr.world.people_config import PeopleConfig
from adhmr.world.pictured_people import pictures_of
from hmr.free_body import free_body

BODY = free_body(1200)


def test_the_same_seed_gives_the_same_bytes_and_another_one_other_looks():
    people = make_people(PeopleConfig(), 4, 3, BODY)
    a, b, other = (pictures_of(people, 48, seed, BODY) for seed in (1, 1, 2))
    assert a.dtype == torch.uint8
    assert a.shape == (4, 3, 48, 48)
    assert torch.equal(a, b)
    assert (a != other).float().mean() > 0.5


def test_beyond_the_photograph_it_is_black_and_marks_said_to_be_inside_are_not_there():
    people = make_people(PeopleConfig(truncated=1.0), 32, 0, BODY)
    pictures = pictures_of(people, 48, 0, BODY)
    dark = (pictures == 0).all(1)
    assert 0.05 < dark.float().mean() < 0.8
    pixel = ((people.uv + 1) * 24).long()
    shown = people.inside & ((pixel >= 0) & (pixel < 48)).all(-1)
    where = pixel.clamp(0, 47)
    rows = torch.arange(32)[:, None].expand_as(shown)
    assert dark[rows, where[..., 1], where[..., 0]][shown].float().mean() < 0.05
    whole = make_people(PeopleConfig(truncated=0.0), 8, 0, BODY)
    assert (pictures_of(whole, 48, 0, BODY) == 0).all(1).float().mean() < 0.02
