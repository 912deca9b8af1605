"""Webdataset tars of 4D-Humans and SAM 3D Body: samples of a picture and a pickled list of people."""

from __future__ import annotations

import io
import pickle
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from hmr.files import write_atomically
from hmr.formats.labels.label_file import ParameterModel, copy_whole
from hmr.formats.labels.row_readers import humans_4d
from hmr.formats.labels.sam_3d_body import sam_3d_body
from hmr.formats.person_candidate import ROW_ERRORS, PersonCandidate, Unreadable, reason_of
from hmr.photographs.folder import PictureSource
from hmr.photographs.read import photograph_from, upright_size_wh
from hmr.untrusted.unpickle import restricted_load

_BLOCK, _RECORD = 512, 10240
_PICTURES = ("jpg", "jpeg", "png", "webp")


def _key(name: str) -> str:
    """What webdataset calls a sample: the path up to the first dot of its last part."""
    folder, slash, last = name.rpartition("/")
    return f"{folder}{slash}{last.partition('.')[0]}"


@dataclass(frozen=True)
class _Member:
    """Where in the file a member with its headers lies, and its data."""

    name: str
    first: int
    end: int
    data: int
    size: int


Person = dict[str, Any]


def _humans_4d(
    person: Person, key: str, where: str, photographs: PictureSource, body: ParameterModel
) -> PersonCandidate:
    """With the 44 keypoints as the .npz has them."""
    row = {name: np.asarray(value) for name, value in person.items() if name != "extra_info"}
    for kind in ("2d", "3d"):
        values = row.get(f"keypoints_{kind}")
        if values is not None:
            row[f"body_keypoints_{kind}"], row[f"extra_keypoints_{kind}"] = values[:25], values[25:]
    return humans_4d(row, key, where, photographs, body)


def _sam_3d_body(
    person: Person, key: str, where: str, photographs: PictureSource, body: ParameterModel
) -> PersonCandidate:
    del body
    K = (person.get("metadata") or {}).get("cam_int")
    return sam_3d_body(person["keypoints_2d"], person["keypoints_3d"], K, key, where, photographs)


@dataclass(frozen=True)
class TarKind:
    """people: the member of a sample that lists them."""

    name: str
    people: str
    reader: Callable[[Person, str, str, PictureSource, ParameterModel], PersonCandidate]


HUMANS_4D = TarKind("4D-Humans tar", "data.pyd", _humans_4d)
SAM_3D_BODY = TarKind("SAM 3D Body tar", "annotation.pyd", _sam_3d_body)


def _members_of(path: Path) -> list[_Member]:
    """Raises ValueError naming the file: not a plain tar, or cut off."""
    try:
        with tarfile.open(path, "r:") as archive:
            found = archive.getmembers()
    except (tarfile.TarError, OSError, EOFError) as error:
        raise ValueError(f"{path}: could not be read as an uncompressed tar ({error})") from None
    padded = [m.offset_data + -(-m.size // _BLOCK) * _BLOCK for m in found]
    if found and padded[-1] > path.stat().st_size:
        raise ValueError(f"{path}: is cut off inside {found[-1].name}")
    return [_Member(m.name, m.offset, end, m.offset_data, m.size) for m, end in zip(found, padded, strict=True)]


def tar_file(path: Path) -> TarFile:
    """Of the kind that its samples say. Raises ValueError naming it when it cannot be read, or holds neither's people."""
    members = _members_of(path)
    for kind in (HUMANS_4D, SAM_3D_BODY):
        if not members or any(m.name.lower().endswith(f".{kind.people}") for m in members):
            return TarFile(path, kind, members)
    raise ValueError(f"{path}: no sample has a {HUMANS_4D.people} (4D-Humans) or {SAM_3D_BODY.people} (SAM 3D Body)")


@dataclass
class TarFile:
    path: Path
    kind: TarKind
    _members: list[_Member]
    format_name: str = field(init=False)

    def __post_init__(self) -> None:
        self.format_name = self.kind.name

    def _bytes(self, member: _Member) -> bytes:
        with self.path.open("rb") as stream:
            stream.seek(member.data)
            return stream.read(member.size)

    @cached_property
    def _samples(self) -> dict[str, dict[str, _Member]]:
        out: dict[str, dict[str, _Member]] = {}
        for member in self._members:
            key = _key(member.name)
            extension = member.name[len(key) + 1 :].lower()
            if extension in out.setdefault(key, {}):
                raise ValueError(f"{self.path}: sample {key} has two members .{extension}")
            out[key][extension] = member
        return out

    def _people(self, key: str) -> list[Person]:
        member = self._samples[key].get(self.kind.people)
        if member is None:
            raise ValueError(f"{self.path}: sample {key} has no {self.kind.people}")
        try:
            people = restricted_load(io.BytesIO(self._bytes(member)))
        except pickle.UnpicklingError as error:
            raise ValueError(f"{self.path}: {member.name}: refused: {error}; it could run code") from None
        except Exception as error:  # a damaged pickle breaks in many ways
            raise ValueError(f"{self.path}: {member.name}: could not be read ({error!r})") from None
        if not isinstance(people, list):
            raise ValueError(f"{self.path}: {member.name}: expected a list of people, got {type(people).__name__}")
        return people

    @cached_property
    def _row_places(self) -> list[tuple[str, int]]:
        return [(key, i) for key in self._samples for i in range(len(self._people(key)))]

    @property
    def rows(self) -> tuple[str, ...]:
        """KEY/PERSON."""
        return tuple(f"{key}/{i}" for key, i in self._row_places)

    def _dropped_with(self, keep: np.ndarray) -> dict[str, int]:
        """Samples that go, and with which person."""
        places = zip(self._row_places, keep, strict=True)
        return {key: person for (key, person), kept in reversed(list(places)) if not kept}

    def goes_with(self, keep: np.ndarray) -> dict[int, str]:
        """Rows that are kept and must go all the same, as their sample does: row to the row that it goes with."""
        dropped = self._dropped_with(keep)
        return {
            i: f"{key}/{dropped[key]}"
            for i, ((key, _), kept) in enumerate(zip(self._row_places, keep, strict=True)) if kept and key in dropped
        }  # fmt: skip

    def write(self, keep: np.ndarray, out: Path) -> None:
        """Member by member, byte for byte. Pickles are never written again, so a sample goes whole, with its worst person."""
        if keep.all():
            return copy_whole(self.path, out)
        bad = set(self._dropped_with(keep))
        written = 0
        with write_atomically(out) as partial, partial.open("wb") as target, self.path.open("rb") as source:
            for member in self._members:
                if _key(member.name) in bad:
                    continue
                source.seek(member.first)
                written += target.write(source.read(member.end - member.first))
            end = 2 * _BLOCK
            target.write(bytes(end + -(written + end) % _RECORD))
        return None

    @property
    def pictures(self) -> PictureSource:
        return _TarPictures(self)

    def picture_bytes(self, key: str) -> bytes:
        for extension in _PICTURES:
            if extension in self._samples.get(key, {}):
                return self._bytes(self._samples[key][extension])
        raise ValueError(f"{self.path}: sample {key} has no picture")

    def bodies(
        self, start: int, stop: int, photographs: PictureSource, body: ParameterModel
    ) -> Iterator[PersonCandidate | Unreadable]:
        people: dict[str, list[Person]] = {}
        for key, i in self._row_places[start:stop]:
            where = f"{self.path}, {key}, person {i}"
            try:
                if key not in people:
                    people = {key: self._people(key)}
                yield self.kind.reader(people[key][i], key, where, photographs, body)
            except ROW_ERRORS as error:
                yield Unreadable(where, reason_of(error))


@dataclass(frozen=True)
class _TarPictures:
    file: TarFile

    def named(self, name: str) -> str:
        return name

    def size_wh(self, name: str) -> tuple[int, int]:
        return upright_size_wh(io.BytesIO(self.file.picture_bytes(name)), f"{self.file.path}, {name}")

    def read(self, name: str) -> np.ndarray:
        return photograph_from(io.BytesIO(self.file.picture_bytes(name)), f"{self.file.path}, {name}")
