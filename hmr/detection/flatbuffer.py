"""FlatBuffers read by hand: a file's bytes are looked at, never run, and every offset is checked before it is followed.

A table's fields are known by their numbers in the schema of whoever wrote the file; a field that is not there has a default.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property

import numpy as np

_SIZE = {"b": 1, "B": 1, "H": 2, "i": 4, "I": 4}


def number_at(data: bytes, place: int, kind: str) -> int:
    """A little-endian integer; ``kind`` as the struct module writes it. Raises ValueError when it is outside the data."""
    if not 0 <= place <= len(data) - _SIZE[kind]:
        raise ValueError(f"byte {place} is asked for, there are {len(data)}")
    return struct.unpack_from(f"<{kind}", data, place)[0]


@dataclass(frozen=True, eq=False)
class Table:
    """A table that begins at byte ``place`` of ``data``. Everything raises ValueError for what is outside the data."""

    data: bytes
    place: int

    @classmethod
    def root(cls, data: bytes) -> Table:
        """The one that all the others hang on."""
        return cls(data, number_at(data, 0, "I"))

    @cached_property
    def _field_places(self) -> tuple[int, ...]:
        """By number; 0 where a field is absent."""
        fields = self.place - number_at(self.data, self.place, "i")
        count = (number_at(self.data, fields, "H") - 4) // 2
        offsets = (number_at(self.data, fields + 4 + 2 * i, "H") for i in range(count))
        return tuple(self.place + offset if offset else 0 for offset in offsets)

    def _field(self, number: int) -> int:
        return self._field_places[number] if number < len(self._field_places) else 0

    def _followed(self, number: int) -> int:
        """Where the field's reference leads, 0 when it is absent."""
        place = self._field(number)
        return place + number_at(self.data, place, "I") if place else 0

    def integer(self, number: int, kind: str, default: int = 0) -> int:
        """A field that is itself a number."""
        place = self._field(number)
        return number_at(self.data, place, kind) if place else default

    def table(self, number: int) -> Table | None:
        """A field that is a table, or None."""
        place = self._followed(number)
        return Table(self.data, place) if place else None

    def array(self, number: int, dtype: type[np.generic]) -> np.ndarray:
        """A field that is a vector of numbers, (n,); of none where it is absent."""
        place = self._followed(number)
        if not place:
            return np.zeros(0, dtype)
        count = number_at(self.data, place, "I")
        if place + 4 + count * np.dtype(dtype).itemsize > len(self.data):
            raise ValueError(f"{count} numbers are asked for at byte {place + 4}, the data end before")
        return np.frombuffer(self.data, dtype, count, place + 4)

    def tables(self, number: int) -> list[Table]:
        """A field that is a vector of tables."""
        offsets = self.array(number, np.uint32)
        first = self._followed(number) + 4
        return [Table(self.data, first + 4 * i + int(offset)) for i, offset in enumerate(offsets)]

    def text(self, number: int) -> str:
        return self.array(number, np.uint8).tobytes().decode(errors="replace")
