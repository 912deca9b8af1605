"""Where the people of a photograph are known from: the photograph as a whole, a file, a detector."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from hmr.photographs.folder import Skipped
from hmr.photographs.people import Person


class PeopleSource(Protocol):
    """Finds the people of one photograph."""

    @property
    def skipped(self) -> list[Skipped]:
        """What of the source itself could not be used."""
        ...

    def people_of(self, name: str, key: str, photograph: np.ndarray) -> tuple[list[Person], list[Skipped]]:
        """The people of a photograph (h, w, 3) uint8, upright, and what of them could not be used.

        name: the photograph's path in its folder. key: begins the people's keys.
        """
        ...


class WholePictures:
    """One person fills each photograph, as far as anybody knows."""

    @property
    def skipped(self) -> list[Skipped]:
        return []

    def people_of(self, name: str, key: str, photograph: np.ndarray) -> tuple[list[Person], list[Skipped]]:
        del name
        h, w = photograph.shape[:2]
        return [Person(key, (0.0, 0.0, float(w), float(h)))], []
