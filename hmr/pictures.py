"""Pictures that stay on disk until rows of them are taken, so that a set may be larger than memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
import torch
from torch import Tensor

Rows = slice | Tensor | np.ndarray | Sequence[int]


def row_numbers(rows: Rows, count: int) -> np.ndarray:
    """Which of ``count`` rows are meant, as numbers."""
    return np.ascontiguousarray(np.arange(count)[rows.numpy() if isinstance(rows, Tensor) else rows])


@dataclass(frozen=True, eq=False)
class StoredPictures:
    """n pictures of one size out of memory-mapped files, in any order. It is indexed as a tensor (n, 3, s, s) is.

    Attributes:
        files: each (m, 3, s, s) uint8, memory-mapped.
        file, row: (n,) in which of them a picture is, and where.
    """

    files: tuple[Tensor, ...]
    file: np.ndarray
    row: np.ndarray

    @classmethod
    def of(cls, pictures: Tensor) -> StoredPictures:
        """All pictures of one file."""
        return cls((pictures,), np.zeros(len(pictures), dtype=np.int64), np.arange(len(pictures)))

    @property
    def shape(self) -> torch.Size:
        return torch.Size((len(self), *self.files[0].shape[1:]))

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __len__(self) -> int:
        return len(self.row)

    @overload
    def __getitem__(self, rows: int | np.integer) -> Tensor: ...
    @overload
    def __getitem__(self, rows: Rows) -> Tensor: ...
    def __getitem__(self, rows: int | np.integer | Rows) -> Tensor:
        """Read into memory: one picture (3, s, s), or some."""
        if isinstance(rows, int | np.integer) or (isinstance(rows, Tensor | np.ndarray) and rows.ndim == 0):
            return self.files[self.file[int(rows)]][self.row[int(rows)]].clone()
        some = self.select(rows)
        out = torch.empty(some.shape, dtype=torch.uint8)
        for number in np.unique(some.file):
            places = np.flatnonzero(some.file == number)
            out[torch.from_numpy(places)] = self.files[number][torch.from_numpy(some.row[places])]
        return out

    def select(self, rows: Rows) -> StoredPictures:
        """Some of them; nothing is read."""
        chosen = row_numbers(rows, len(self))
        return StoredPictures(self.files, self.file[chosen], self.row[chosen])

    @staticmethod
    def cat(parts: Sequence[Pictures]) -> StoredPictures:
        """Nothing is read; pictures in memory stay there."""
        stored = [part if isinstance(part, StoredPictures) else StoredPictures.of(part) for part in parts]
        before = np.cumsum([0, *(len(part.files) for part in stored)])
        return StoredPictures(
            tuple(file for part in stored for file in part.files),
            np.concatenate([part.file + start for part, start in zip(stored, before, strict=False)]),
            np.concatenate([part.row for part in stored]),
        )


#: (n, 3, s, s) uint8, in memory or on disk. ``pictures[rows]`` is a tensor in memory either way.
Pictures = Tensor | StoredPictures
