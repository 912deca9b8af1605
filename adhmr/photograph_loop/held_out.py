"""Which photographs of a folder are held out: by a hash of their names, so that the choice stays as the folder grows.

Photographs, not people: nobody in a held-out photograph is trained on. A photograph's place is the SHA-256 of its path in the
folder ("beach/1.jpg"; its first eight bytes as a number in [0, 1)), and those below ``share`` are held out. Where that would be
none, the photograph of the lowest place is; where it would be all, the one of the highest place is not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from adhmr.photographs.given import GivenPictures


def place_of(name: str) -> float:
    """In [0, 1)."""
    return int.from_bytes(hashlib.sha256(name.encode(errors="surrogateescape")).digest()[:8]) / 2**64


def in_order(names: Iterable[str]) -> list[str]:
    """By their places, each once."""
    return sorted(set(names), key=place_of)


def held_out_photographs(names: Iterable[str], share: float) -> set[str]:
    """Of the photographs that have people; none where there is only one, or ``share`` is 0."""
    by_place = in_order(names)
    if len(by_place) < 2 or share <= 0:
        return set()
    below = sum(place_of(name) < share for name in by_place)
    return set(by_place[: min(max(below, 1), len(by_place) - 1)])


@dataclass(frozen=True)
class Parts:
    """The people to align on, and those of the held-out photographs; None: nobody is held out."""

    train: GivenPictures
    held: GivenPictures | None

    @classmethod
    def of(cls, given: GivenPictures, share: float) -> Parts:
        """given: people of photographs."""
        out = held_out_photographs(given.photograph_of.values(), share)
        if not out:
            return cls(given, None)
        is_out = np.array([given.photograph_of[key] in out for key in given.views.key])
        return cls(given.some(np.flatnonzero(~is_out)), given.some(np.flatnonzero(is_out)))

    def told(self) -> str:
        """In words."""
        photographs = len(set(self.train.photograph_of.values()))
        if self.held is None:
            return (
                "note: nobody is held out, since only one photograph has people; so the run is not watched, and nothing says "
                "whether it got better. Give more photographs, or --validation"
            )
        held = len(set(self.held.photograph_of.values()))
        people = len(self.train.views), len(self.held.views)
        return f"to align on: {_counted(people[0], photographs)}; held out: {_counted(people[1], held)}"


def _counted(people: int, photographs: int) -> str:
    return (
        f"{people} {'person' if people == 1 else 'people'} of {photographs} photograph{'' if photographs == 1 else 's'}"
    )
