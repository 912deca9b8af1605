"""From rows of a file to what a scorer eats: crops and keypoints. Reading and cropping, no network: the CPU's part."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from data_cleaning.units import Unit
from hmr.camera import project
from hmr.formats.candidate_crop import uvd_in_view, view_of
from hmr.formats.labels.label_file import LabelFile, NotJudgeableError, ParameterModel
from hmr.formats.labels.our_folder import OurFolder
from hmr.formats.labels.tar_rows import TarFile
from hmr.formats.person_candidate import PersonCandidate, Unreadable, reason_of
from hmr.free_body import free_body
from hmr.photographs.folder import Photographs, PictureSource
from hmr.pose_state import uvd_from_points
from hmr.views import Views

BY_BODY = "body"


@dataclass(frozen=True)
class Row:
    """One label of a file. problem: why it cannot be judged, else empty. by: what its keypoints were made of. inside_share: of
    its known keypoints those in the picture. fingerprint: alike for labels of the same picture and the same keypoints."""

    key: str
    row: str
    image: str
    problem: str = ""
    by: str = ""
    inside_share: float = 0.0
    fingerprint: int = 0


@dataclass(frozen=True)
class Decoded:
    """rows of a unit; of those that can be judged (``place``, (m,)) the views, uvd (m, 29, 3) and which are known (m, 29)."""

    unit: Unit
    rows: tuple[Row, ...]
    place: np.ndarray
    views: Views | None
    uvd: Tensor
    known: Tensor


def _fingerprint(image: str, points: Tensor) -> int:
    """Of an image and keypoints in pixels and metres; equal to a tenth of a pixel and of a millimetre."""
    rounded = torch.round(points.double() * torch.tensor([10.0, 10.0, 1e4], dtype=torch.float64)).nan_to_num()
    digest = hashlib.blake2b(image.encode() + rounded.numpy().astype(np.int64).tobytes(), digest_size=8)
    return int.from_bytes(digest.digest(), "little", signed=True)


def _nothing() -> tuple[Tensor, Tensor]:
    return torch.zeros(0, 29, 3), torch.zeros(0, 29, dtype=torch.bool)


def decode_folder(unit: Unit, file: OurFolder, size: int) -> Decoded:
    """Of our own set; the bodies are the free body's. Raises ValueError for pictures without labels, or of another size."""
    samples = file.samples[slice(unit.start, unit.stop)].with_smpl_joints()
    if samples.size != size:
        raise ValueError(f"{unit.path}: this scorer was trained on {size} px crops, the pictures are {samples.size} px")
    points = free_body(1200).keypoints(samples.label)
    finite = points.isfinite().all(-1).all(-1)
    safe = torch.cat([points[..., :2], points[..., 2:].clamp_min(0.1)], -1).nan_to_num()
    pixels = project(safe, samples.K)
    inside = ((pixels >= 0) & (pixels < size)).all(-1).float().mean(-1)
    rows = tuple(
        Row(
            key, key, key, "" if finite[i] else "its label is not finite", BY_BODY, float(inside[i]),
            _fingerprint(key, torch.cat([pixels[i], safe[i, :, 2:]], -1)),
        )
        for i, key in enumerate(samples.key)
    )  # fmt: skip
    place = torch.nonzero(finite)[:, 0]
    uvd = uvd_from_points(safe[place], samples.K[place], size).clamp(-4, 4)
    known = torch.ones(len(place), 29, dtype=torch.bool)
    return Decoded(unit, rows, place.numpy(), samples[place] if len(place) else None, uvd, known)


def _crop(candidate: PersonCandidate, key: str, source: PictureSource, size: int) -> tuple[Row, Views, Tensor]:
    """Raises ValueError when its picture cannot be read, or it is not in it."""
    photograph = source.read(candidate.image)
    if candidate.stored_turned:
        photograph = np.rot90(photograph, -1).copy()
    view = view_of(candidate, photograph, candidate.box_xyxy(), key, size)
    uvd = uvd_in_view(candidate, view)
    pixels = project(candidate.points_cam[candidate.known], candidate.K)
    inside = ((pixels >= 0) & (pixels < view.camera.size_wh[0])).all(-1).float().mean()
    depth = candidate.points_cam[candidate.known][:, 2:]
    mark = _fingerprint(candidate.image, torch.cat([pixels, depth - depth[:1]], -1))
    return Row(key, "", candidate.image, "", candidate.by, float(inside), mark), view, uvd


class LastPicture:
    """People of one photograph stand in rows after another, so the last one read is kept."""

    def __init__(self, source: PictureSource) -> None:
        self.source = source
        self.name, self.picture = "", np.zeros((0, 0, 3), dtype=np.uint8)

    def named(self, name: str) -> str:
        return self.source.named(name)

    def size_wh(self, name: str) -> tuple[int, int]:
        return self.source.size_wh(name)

    def read(self, name: str) -> np.ndarray:
        if name != self.name:
            self.picture, self.name = self.source.read(name), name
        return self.picture


def picture_source(unit: Unit, file: LabelFile, images: Path | None) -> PictureSource:
    """Where the photographs of a file's labels are. Raises NotJudgeableError when they are nowhere."""
    if isinstance(file, TarFile):
        return file.pictures
    if images is None or not images.is_dir():
        given = "" if images is None else f"; {images} is no folder"
        raise NotJudgeableError(
            f"{unit.path}: give --images, the folder of the photographs of {file.format_name}{given}"
        )
    return Photographs(images)


def _found(
    file: LabelFile, unit: Unit, source: PictureSource, body: ParameterModel
) -> list[PersonCandidate | Unreadable]:
    """Of a file that turns out to be broken every row is unreadable, and the other files go on."""
    try:
        return list(file.bodies(unit.start, unit.stop, source, body))
    except NotJudgeableError:
        raise
    except MemoryError:
        raise
    except Exception as error:
        return [Unreadable(str(unit.path), reason_of(error))] * (unit.stop - unit.start)


def decode_people(
    unit: Unit, file: LabelFile, rows: list[str], source: PictureSource, body: ParameterModel, size: int
) -> Decoded:
    """Of somebody's format, in crops of the photographs around each body. What cannot be judged is a row with a problem.

    Raises NotJudgeableError when the format holds no bodies.
    """
    source = LastPicture(source)
    out: list[Row] = []
    judged: list[tuple[int, Views, Tensor, Tensor]] = []
    found = _found(file, unit, source, body)
    for name, candidate in zip(rows[unit.start : unit.stop], found, strict=True):
        key = unit.key(name)
        try:
            if isinstance(candidate, Unreadable):
                raise ValueError(candidate.reason)
            row, view, uvd = _crop(candidate, key, source, size)
            judged.append((len(out), view, uvd, candidate.known))
            out.append(Row(key, name, row.image, "", row.by, row.inside_share, row.fingerprint))
        except MemoryError:
            raise
        except Exception as error:  # whatever is wrong with one row, the others go on
            image = candidate.image if isinstance(candidate, PersonCandidate) else ""
            out.append(Row(key, name, image, reason_of(error)))
    if not judged:
        return Decoded(unit, tuple(out), np.zeros(0, dtype=int), None, *_nothing())
    place, views, uvd, known = zip(*judged, strict=True)
    return Decoded(unit, tuple(out), np.array(place), Views.cat(list(views)), torch.stack(uvd), torch.stack(known))
