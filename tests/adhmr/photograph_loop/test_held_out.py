"""Which photographs are held out."""

from pathlib import Path

import torch

from adhmr.photograph_loop.held_out import Parts, held_out_photographs, place_of
from adhmr.photographs.cut import CropKind
from adhmr.photographs.given import GivenPictures
from hmr.views import Views

NAMES = [f"{folder}/{i}.jpg" for folder in ("beach", "city") for i in range(500)]


def views(*keys: str) -> Views:
    n = len(keys)
    return Views.whole(keys, torch.zeros(n, 3, 8, 8, dtype=torch.uint8), torch.eye(3).expand(n, 3, 3))


def test_places_are_spread_evenly_and_the_same_everywhere():
    assert place_of("beach/1.jpg") == 0.4498851062058209
    assert 0.07 < len(held_out_photographs(NAMES, 0.1)) / len(NAMES) < 0.13


def test_the_choice_stays_as_the_folder_grows():
    few, all_ = held_out_photographs(NAMES[:300], 0.1), held_out_photographs(NAMES, 0.1)
    assert few == all_ & set(NAMES[:300])
    assert few


def test_of_two_photographs_one_is_held_out_whatever_the_share():
    two = NAMES[:2]
    low, high = sorted(two, key=place_of)
    assert held_out_photographs(two, 1e-9) == {low}
    assert held_out_photographs(two, 0.999) == {low}
    assert high not in held_out_photographs(two, 0.999)


def test_of_one_photograph_and_of_no_share_nothing_is_held_out():
    assert held_out_photographs(NAMES[:1], 0.5) == set()
    assert held_out_photographs(NAMES, 0.0) == set()


def test_nobody_of_a_held_out_photograph_is_aligned_on():
    keys = ("a-00", "b-00", "a-01", "c-00", "b-01")
    photograph_of = {key: f"{key[0]}.jpg" for key in keys}
    kind = CropKind(8, 1.2)
    given = GivenPictures(Path("x"), views(*keys), [], {kind: views(*keys)}, photograph_of, ["a.jpg", "b.jpg", "c.jpg"])
    parts = Parts.of(given, 0.4)
    assert parts.held is not None
    out = {photograph_of[key] for key in parts.held.views.key}
    assert out
    assert out.isdisjoint(parts.train.photograph_of.values())
    assert sorted(parts.train.views.key + parts.held.views.key) == sorted(keys)
    assert parts.held.of_kind[kind].key == parts.held.views.key
