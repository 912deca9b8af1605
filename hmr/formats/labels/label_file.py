"""What cleaning asks of a file of labels, whatever its format."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from hmr.body import BodyModel, BodyParams
from hmr.files import write_atomically
from hmr.formats.labelled_body import LabelledBody
from hmr.formats.person_candidate import BY_PARAMETERS, BY_STAND_IN, PersonCandidate, Unreadable
from hmr.photographs.folder import PictureSource


@dataclass(frozen=True)
class ParameterModel:
    """The body that parameters are of: the user's own file, or the free body in its stead."""

    model: BodyModel
    is_users_own: bool

    @property
    def by(self) -> str:
        return BY_PARAMETERS if self.is_users_own else BY_STAND_IN


class LabelFile(Protocol):
    """A file of n labels. ``format_name`` is for people; ``rows`` are n names, unique in the file."""

    path: Path
    format_name: str

    @property
    def rows(self) -> tuple[str, ...]: ...

    def write(self, keep: np.ndarray, out: Path) -> None:
        """The same format with the labels (n,) that are kept, atomically, and nothing else changed."""
        ...

    def bodies(
        self, start: int, stop: int, photographs: PictureSource, body: ParameterModel
    ) -> Iterator[PersonCandidate | Unreadable]:
        """What a scorer can judge, for each of the labels start to stop - 1, in order.

        Raises NotJudgeableError when the format holds no bodies, or something is needed beside it; ValueError for a broken
        file.
        """
        ...


@runtime_checkable
class RepairableFile(Protocol):
    """A file whose parameters can be written anew."""

    def parameters_of(self) -> str:
        """smpl or smplx. Raises ValueError where there is nothing to repair."""
        ...

    def labelled(
        self, start: int, stop: int, photographs: PictureSource, model: BodyModel
    ) -> Iterator[LabelledBody | Unreadable]:
        """Parameters and 2D keypoints of the labels start to stop - 1, in order."""
        ...

    def write_bodies(self, rows: np.ndarray, params: BodyParams, model: BodyModel, out: Path) -> None:
        """The same file, atomically, whose labels ``rows`` (m,) have the parameters [m]; nothing else changed.

        Raises ValueError where the file has not a row of parameters for each label.
        """
        ...


def copy_whole(path: Path, out: Path) -> None:
    """Keeping everything is keeping every byte."""
    with write_atomically(out) as partial:
        shutil.copyfile(path, partial)


class NotJudgeableError(ValueError):
    """A whole format, or what is missing beside a file, as opposed to something wrong in it."""
