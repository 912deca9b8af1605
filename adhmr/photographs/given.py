"""The pictures that a command is given, whatever they are: our crops, or photographs whose people are cut out once."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from adhmr.photographs.cut import CropKind, Cutting, Looking
from adhmr.photographs.parts import made_once
from adhmr.photographs.people_source import people_source, source_marks
from adhmr.picture_options import PictureOptions
from diffusion_hmr import Generator
from hmr.files import sha256_of
from hmr.photographs.cameras import given_cameras
from hmr.photographs.folder import Photographs, Skipped, output_names
from hmr.photographs.sources import WholePictures
from hmr.pictures import Rows
from hmr.samples import load_views
from hmr.views import Views

#: Raise it when crops of the same photographs come out otherwise.
_VERSION = 1


@dataclass(frozen=True)
class GivenPictures:
    """The same people, in crops of each kind that is looked at; rows stay on disk until they are taken.

    Attributes:
        folder: of the crops of the first kind, one of ``--data``.
        skipped: what of the photographs is not among them.
        photograph_of: a person's key to the path of the photograph in its folder; empty of crops that were given.
        names: of all photographs, also of those without people.
        folders: of the crops of each kind that is looked at; empty of crops that were given.
    """

    folder: Path
    views: Views
    skipped: list[Skipped] = field(default_factory=list)
    of_kind: dict[CropKind, Views] = field(default_factory=dict)
    photograph_of: dict[str, str] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    folders: dict[CropKind, Path] = field(default_factory=dict)

    def seen_by(self, network: Looking) -> Views:
        """Of our crops those that were given, whatever their size."""
        return self.of_kind.get(CropKind.of(network), self.views)

    def some(self, rows: Rows) -> GivenPictures:
        """Some of the people; nothing is read."""
        views = self.views[rows]
        photograph_of = {key: self.photograph_of[key] for key in views.key if key in self.photograph_of}
        of_kind = {kind: seen[rows] for kind, seen in self.of_kind.items()}
        return replace(self, views=views, of_kind=of_kind, photograph_of=photograph_of)


@dataclass(frozen=True)
class Networks:
    """Who looks at the pictures; device: of the detector."""

    generator: Looking
    scorers: Sequence[Looking] = ()
    device: str = "cpu"

    @property
    def kinds(self) -> list[CropKind]:
        """The generator's first."""
        return list(dict.fromkeys(CropKind.of(network) for network in (self.generator, *self.scorers)))

    @property
    def prompted(self) -> bool:
        """Whether the generator is told keypoints."""
        return isinstance(self.generator, Generator) and self.generator.is_prompted


def given_pictures(
    options: PictureOptions, networks: Networks, crops: Path, tell: Callable[[str], None]
) -> GivenPictures:
    """crops: folder where people of photographs are kept, cut out. What is there of the same photographs, the same people and
    the same size is used again.

    Raises ValueError when both or none of data and images are given, or nobody is found.
    """
    options.check()
    if options.data is not None:
        views = load_views(options.data)
        if networks.prompted and views.prompts is None:
            tell(
                f"note: nothing is said of the people of {options.data}: this generator, which is told keypoints, guesses."
            )
        return GivenPictures(options.data, views)
    assert options.images is not None
    photographs = Photographs.at(options.images).require_some()
    people = people_source(options, photographs, networks.prompted, networks.device, tell)
    cameras = given_cameras(options.focal_px, options.intrinsics, photographs)
    intrinsics = options.intrinsics
    made_from = {
        "version": _VERSION, "photographs": listing(photographs), "focal_px": options.focal_px,
        "intrinsics": sha256_of(intrinsics) if isinstance(intrinsics, Path) else intrinsics, **source_marks(options, people),
    }  # fmt: skip
    folders = {
        kind: crops / f"{kind.size}px-{short_hash({**made_from, 'enlarge': kind.enlarge})}" for kind in networks.kinds
    }
    unfinished = crops / f"unfinished-{short_hash([folder.name for folder in folders.values()])}"
    told = {**made_from, "images": str(options.images.resolve()), "photographs": len(photographs.names)}
    sets = Cutting(photographs, people, cameras).into(folders, unfinished, told)
    made = made_once(sets, [*people.skipped, *cameras.skipped], f"{len(photographs.names)} photographs", tell)
    first = made[0]
    skipped = [*photographs.not_read, *first.skipped]
    of_kind = {kind: one.views for kind, one in zip(folders, made, strict=True)}
    photograph_of = _photograph_of(first.views.key, photographs.names, isinstance(people, WholePictures))
    return GivenPictures(first.folder, first.views, skipped, of_kind, photograph_of, photographs.names, folders)


def _photograph_of(keys: Sequence[str], names: list[str], whole: bool) -> dict[str, str]:
    """By a person's key. whole: whether one person was taken to fill each photograph, so that keys bear no number."""
    name_of = {key: name for name, key in output_names(names).items()}
    return {key: name_of[key if whole else key.rpartition("-")[0]] for key in keys}


def require_photographs(options: PictureOptions) -> None:
    """Raises ValueError where there are none, before weights are fetched or networks loaded."""
    if options.images is not None:
        Photographs.at(options.images).require_some()


def listing(photographs: Photographs) -> str:
    """What photographs are known by. Of names, sizes and times: reading all pixels would take as long as cutting."""
    digest = hashlib.sha256()
    for name in photographs.names:
        try:
            stat = (photographs.folder / name).stat()
            told = f"{stat.st_size} {stat.st_mtime_ns}"
        except OSError:
            told = "gone"
        digest.update(os.fsencode(f"{name}\n{told}\n"))
    return digest.hexdigest()


def short_hash(content: Any) -> str:
    """Of anything that JSON can hold."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
