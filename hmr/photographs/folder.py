"""The photographs that files of bodies are about: found by name, and their sizes. One answer for all commands."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from hmr.photographs.read import (
    OTHER_SUFFIXES,
    SUFFIXES,
    VIDEO_SUFFIXES,
    exif_focal_px,
    read_photograph,
    upright_size_wh,
)


class PictureSource(Protocol):
    """Photographs by name, wherever they lie."""

    def named(self, name: str) -> str: ...

    def size_wh(self, name: str) -> tuple[int, int]: ...

    def read(self, name: str) -> np.ndarray:
        """(h, w, 3) uint8, upright. Raises ValueError that names it."""
        ...


@dataclass(frozen=True)
class Skipped:
    """Something that could not be done, and why."""

    what: str
    reason: str


@dataclass(frozen=True)
class Photographs:
    """A folder of them, with its subfolders; or one photograph, where ``only`` names it."""

    folder: Path
    only: str | None = None

    @classmethod
    def at(cls, path: Path) -> Photographs:
        """A folder, or one photograph. Raises ValueError when there is nothing."""
        if path.is_file():
            return cls(path.parent, path.name)
        if not path.is_dir():
            raise ValueError(f"{path}: expected a photograph or a folder of them, there is none")
        return cls(path)

    @cached_property
    def _files(self) -> list[str]:
        """Relative paths of all files, in order. Links to folders are not followed, so a loop of them is none here."""
        if self.only is not None:
            return [self.only]
        found = []
        for root, folders, names in os.walk(self.folder, followlinks=False):
            folders.sort()
            found += [(Path(root) / name).relative_to(self.folder).as_posix() for name in names]
            # A folder whose name is a photograph's is a mistake that should not go unsaid.
            found += [
                (Path(root) / name).relative_to(self.folder).as_posix()
                for name in folders
                if PurePosixPath(name).suffix.lower() in SUFFIXES
            ]
        return sorted(found)

    @property
    def names(self) -> list[str]:
        """Relative paths of what bears a photograph's suffix, in order."""
        if self.only is not None:
            return [self.only]
        return [name for name in self._files if PurePosixPath(name).suffix.lower() in SUFFIXES]

    @property
    def not_read(self) -> list[Skipped]:
        """Pictures of kinds that are not read here, and videos."""
        found = []
        for name in self._files:
            suffix = PurePosixPath(name).suffix.lower()
            if suffix in OTHER_SUFFIXES:
                found.append(Skipped(name, f"{suffix} is not read; convert it to one of {_known()}"))
            elif suffix in VIDEO_SUFFIXES:
                found.append(Skipped(name, "is a video, which is given by itself: adhmr predict VIDEO"))
        return found

    def require_some(self) -> Photographs:
        """Raises ValueError when there is no photograph."""
        if not self.names:
            raise ValueError(f"{self.folder}: has no photographs ({_known()})")
        return self

    @cached_property
    def _by_stem(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name in self.names:
            found.setdefault(PurePosixPath(name).stem, []).append(name)
        return found

    def named(self, name: str) -> str:
        """A photograph's path in the folder, from the name in a file, whose own folders may be other ones (its longest end that
        is there), and its kind (jpg for png) as well. What comes before ``..`` is another machine's, and not looked at.

        Raises ValueError when there is none, or when several are as good.
        """
        parts = [part for part in PurePosixPath(name.replace("\\", "/")).parts if part not in ("/", ".")]
        if ".." in parts:
            parts = parts[len(parts) - parts[::-1].index("..") :]
        for first in range(len(parts)):
            end = "/".join(parts[first:])
            if self._is_there(end):
                return end
        if parts and (found := self._of_stem(PurePosixPath(parts[-1]).stem, parts[:-1])):
            return found
        raise ValueError(f"no photograph '{_shortened(name)}' in {self.folder}")

    def _is_there(self, name: str) -> bool:
        try:
            return (self.folder / name).is_file() and self.only in (None, name)
        except (OSError, ValueError):  # a name that is too long for the file system, or with a NUL
            return False

    def of_stem(self, stem: str) -> str:
        """By the stem of its name, or by that without its last ``_part`` (a person's number). Raises ValueError as ``named``."""
        for candidate in (stem, stem.rpartition("_")[0]):
            if found := self._of_stem(candidate, []):
                return found
        raise ValueError(f"no photograph '{_shortened(stem)}' in {self.folder}")

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

    def exif_focal_px(self, name: str) -> float | None:
        """Focal length in pixels as the file says; None where it does not."""
        return exif_focal_px(self.folder / name)

    def read(self, name: str) -> np.ndarray:
        """(h, w, 3) uint8, upright."""
        return read_photograph(self.folder / name)


@dataclass(frozen=True)
class ListedPhotographs(Photographs):
    """A folder as it was when its photographs were listed, whatever has become of it since.

    Attributes:
        listed: their paths in it.
    """

    listed: tuple[str, ...] = ()

    @cached_property
    def _files(self) -> list[str]:
        return sorted(self.listed)

    def _is_there(self, name: str) -> bool:
        return name in self.listed


def _known() -> str:
    return ", ".join(sorted(SUFFIXES))


def _shortened(name: str) -> str:
    return name if len(name) < 120 else f"{name[:60]}…{name[-40:]}"


def output_names(names: list[str]) -> dict[str, str]:
    """For each photograph a name without suffix for what is written about it; its folders stay. Where two photographs differ
    in the suffix alone it is part of the name, so that no two share one."""
    stems = [str(PurePosixPath(name).with_suffix("")) for name in names]
    count = Counter(stems)
    out: dict[str, str] = {}
    taken = {stem for stem in stems if count[stem] == 1}
    for name, stem in zip(names, stems, strict=True):
        if count[stem] == 1:
            out[name] = stem
            continue
        own = f"{stem}_{PurePosixPath(name).suffix[1:]}"
        while own in taken:
            own += "_"
        taken.add(own)
        out[name] = own
    return out


def pinhole(focal: float | tuple[float, float], principal: tuple[float, float]) -> Tensor:
    """(3, 3) intrinsics in pixels."""
    fx, fy = (focal, focal) if isinstance(focal, int | float) else focal
    return torch.tensor([[fx, 0.0, principal[0]], [0.0, fy, principal[1]], [0.0, 0.0, 1.0]], dtype=torch.float32)
