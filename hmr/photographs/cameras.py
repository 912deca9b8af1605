"""What is said of the cameras of photographs: a focal length, intrinsics of all of them, or of each by its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hmr.camera import default_K
from hmr.files import read_json
from hmr.photographs.folder import PictureSource, Skipped, pinhole


@dataclass(frozen=True)
class Cameras:
    """Where nothing is said, a photograph's camera is what its file says, or a guess from its diagonal.

    Attributes:
        focal_px: of all photographs, about their middle; or None.
        K: (3, 3) of all photographs, pixels; or None.
        by_name: (3, 3) of each photograph; or None. One that is not in it has no camera.
        skipped: what of a file could not be used.
    """

    focal_px: float | None = None
    K: Tensor | None = None
    by_name: Mapping[str, Tensor] | None = None
    skipped: list[Skipped] = field(default_factory=list)

    def K_of(self, name: str, size_wh: tuple[int, int], exif_focal_px: float | None = None) -> Tensor:
        """(3, 3) of a photograph, pixels. Raises ValueError where the others' are known and its own is not."""
        if self.K is not None:
            return self.K.clone()
        if self.by_name is not None:
            if name not in self.by_name:
                raise ValueError("the cameras that are given are of other photographs, there is none of this one")
            return self.by_name[name].clone()
        K = default_K(*size_wh)
        focal_px = exif_focal_px if self.focal_px is None else self.focal_px
        if focal_px is not None:
            K[0, 0] = K[1, 1] = focal_px
        return K


def given_cameras(
    focal_px: float | None, intrinsics: Sequence[float] | Path | None, photographs: PictureSource
) -> Cameras:
    """intrinsics: fx fy cx cy in pixels, or a json file of a camera for each photograph's name.

    Raises ValueError for both at once, or for what is no camera.
    """
    if focal_px is not None and intrinsics is not None:
        raise ValueError("give --focal_px or --intrinsics, one of the two: intrinsics have a focal length in them")
    if isinstance(intrinsics, Path):
        return read_cameras(intrinsics, photographs)
    if intrinsics is not None:
        return Cameras(K=camera_matrix(intrinsics, "--intrinsics"))
    return Cameras(focal_px=focal_px)


def read_cameras(path: Path, photographs: PictureSource) -> Cameras:
    """A json object of photographs' names with [fx, fy, cx, cy] or a 3 x 3 matrix each, pixels.

    Names of photographs that are not there are passed over: a file of a whole dataset is usual.
    Raises ValueError for a file that is not that.
    """
    content = read_json(path)
    if not isinstance(content, dict) or not content:
        raise ValueError(f'{path}: expected cameras by name, as {{"photo.jpg": [fx, fy, cx, cy]}}')
    found: dict[str, Tensor] = {}
    skipped: list[Skipped] = []
    for given, values in content.items():
        try:
            name = photographs.named(given)
        except ValueError:
            continue
        try:
            found[name] = camera_matrix(values, path.name)
        except ValueError as error:
            skipped.append(Skipped(f"{path.name} {given}", str(error)))
    return Cameras(by_name=found, skipped=skipped)


def camera_matrix(values: Any, where: str) -> Tensor:
    """(3, 3) of fx, fy, cx, cy or of a matrix, pixels. Raises ValueError for anything else."""
    try:
        given = torch.tensor(values, dtype=torch.float32)
    except (TypeError, ValueError, RuntimeError):
        given = torch.empty(0)
    if tuple(given.shape) not in ((4,), (3, 3)):
        raise ValueError(f"{where}: expected fx, fy, cx, cy or a 3 x 3 matrix in pixels, got {values!r}")
    fx, fy, cx, cy = given.tolist() if given.ndim == 1 else [given[i, j].item() for i, j in _PLACES]
    K = pinhole((fx, fy), (cx, cy)) if given.ndim == 1 else given
    if not bool(K.isfinite().all()) or min(fx, fy) <= 0:
        raise ValueError(f"{where}: expected finite numbers and focal lengths above 0 px, got {values!r}")
    if K[1, 0] != 0 or K[2].tolist() != [0, 0, 1]:
        raise ValueError(f"{where}: expected a matrix [[fx, s, cx], [0, fy, cy], [0, 0, 1]], got {values!r}")
    return K


_PLACES = ((0, 0), (1, 1), (0, 2), (1, 2))
