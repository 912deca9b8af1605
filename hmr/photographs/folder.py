"""The photographs that files of bodies are about: found by name, and their sizes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from hmr.photographs.read import SUFFIXES, read_photograph, upright_size_wh


class PictureSource(Protocol):
    """Photographs by name, wherever they lie."""

    def named(self, name: str) -> str: ...

    def size_wh(self, name: str) -> tuple[int, int]: ...

    def read(self, name: str) -> np.ndarray:
        """(h, w, 3) uint8, upright. Raises ValueError that names it."""
        ...


@dataclass(frozen=True)
class Photographs:
    """A folder of them, with its subfolders."""

    folder: Path

    @cached_property
    def _by_stem(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path in sorted(self.folder.rglob("*")):
            if path.suffix.lower() in SUFFIXES and path.is_file():
                found.setdefault(path.stem, []).append(path.relative_to(self.folder).as_posix())
        return found

    def named(self, name: str) -> str:
        """A photograph's path in the folder, from the name in a file, whose own folders may be other ones (its longest end that
        is there), and its kind (jpg for png) as well.

        Raises ValueError when there is none, or when several are as good.
        """
        parts = [part for part in PurePosixPath(name.replace("\\", "/")).parts if part != "/"]
        if parts and ".." not in parts:
            for first in range(len(parts)):
                end = "/".join(parts[first:])
                if (self.folder / end).is_file():
                    return end
            if found := self._of_stem(PurePosixPath(parts[-1]).stem, parts[:-1]):
                return found
        raise ValueError(f"no photograph '{name}' in {self.folder}")

    def of_stem(self, stem: str) -> str:
        """By the stem of its name, or by that without its last ``_part`` (a person's number). Raises ValueError as ``named``."""
        for candidate in (stem, stem.rpartition("_")[0]):
            if found := self._of_stem(candidate, []):
                return found
        raise ValueError(f"no photograph '{stem}' in {self.folder}")

    def _of_stem(self, stem: str, folders: list[str]) -> str | None:
        """The one of this stem whose folders are most alike from the end."""

        def alike(name: str) -> int:
            pairs = zip(reversed(PurePosixPath(name).parent.parts), reversed(folders), strict=False)
            return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))

        likeness = {name: alike(name) for name in self._by_stem.get(stem, [])}
        most = max(likeness.values(), default=0)
        best = [name for name, count in likeness.items() if count == most]
        if len(best) > 1:
            raise ValueError(f"{len(best)} photographs could be '{stem}' in {self.folder}, as {best[0]} and {best[1]}")
        return best[0] if best else None

    def size_wh(self, name: str) -> tuple[int, int]:
        """Upright, pixels."""
        return upright_size_wh(self.folder / name, str(self.folder / name))

    def read(self, name: str) -> np.ndarray:
        """(h, w, 3) uint8, upright."""
        return read_photograph(self.folder / name)


def pinhole(focal: float | tuple[float, float], principal: tuple[float, float]) -> Tensor:
    """(3, 3) intrinsics in pixels."""
    fx, fy = (focal, focal) if isinstance(focal, int | float) else focal
    return torch.tensor([[fx, 0.0, principal[0]], [0.0, fy, principal[1]], [0.0, 0.0, 1.0]], dtype=torch.float32)
