"""The photographs that files of bodies are about: found by name, and their sizes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from hmr.photographs.read import read_photograph, upright_size_wh


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
    def _by_stem(self) -> dict[str, str]:
        return {p.stem: str(p.relative_to(self.folder)) for p in sorted(self.folder.rglob("*")) if p.is_file()}

    def named(self, name: str) -> str:
        """A photograph's path in the folder, from the name in a file (whose own folders may be other ones).

        Raises ValueError when there is none.
        """
        if (self.folder / name).is_file():
            return name
        if found := self._of_stem(Path(name).stem):
            return found
        raise ValueError(f"no photograph '{name}' in {self.folder}")

    def of_stem(self, stem: str) -> str:
        """By the stem of its name, or by that without its last ``_part`` (a person's number)."""
        if found := self._of_stem(stem):
            return found
        raise ValueError(f"no photograph '{stem}' in {self.folder}")

    def _of_stem(self, stem: str) -> str:
        known = (self._by_stem.get(candidate, "") for candidate in (stem, stem.rpartition("_")[0]))
        return next(filter(None, known), "")

    def size_wh(self, name: str) -> tuple[int, int]:
        """Upright, pixels."""
        with Image.open(self.folder / name) as image:
            return upright_size_wh(image)

    def read(self, name: str) -> np.ndarray:
        """(h, w, 3) uint8, upright."""
        return read_photograph(self.folder / name)


def pinhole(focal: float | tuple[float, float], principal: tuple[float, float]) -> Tensor:
    """(3, 3) intrinsics in pixels."""
    fx, fy = (focal, focal) if isinstance(focal, int | float) else focal
    return torch.tensor([[fx, 0.0, principal[0]], [0.0, fy, principal[1]], [0.0, 0.0, 1.0]], dtype=torch.float32)
