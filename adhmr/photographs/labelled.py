"""Labelled photographs as one more folder of labelled crops, cut out once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from adhmr.photographs.cut import CropKind
from adhmr.photographs.given import listing, short_hash
from adhmr.photographs.parts import SetsInParts, made_once
from adhmr.picture_options import LabelledPictureOptions
from data_cleaning.decode import LastPicture
from data_cleaning.repair_labels import crop_of, without_finger_tips
from data_cleaning.units import Unit, opened, units_of
from hmr.body import BodyModel
from hmr.files import sha256_of
from hmr.formats.labels.label_file import RepairableFile
from hmr.formats.labels.our_folder import OurFolder
from hmr.formats.person_candidate import Unreadable, reason_of
from hmr.photographs.folder import Photographs, Skipped
from hmr.samples import Samples, save_samples

_VERSION = 1
#: Labels whose pictures are in memory together.
_AT_ONCE = 256
_READ = "for training, parameters are read of HumanData, 4D-Humans and CameraHMR .npz"


@dataclass(frozen=True)
class LabelledFolders:
    """folders: of labelled crops. skipped: labels of photographs that are not among them."""

    folders: list[Path]
    skipped: list[Skipped] = field(default_factory=list)


def labelled_folders(
    options: LabelledPictureOptions, kind: CropKind, body: BodyModel, out: Path, tell: Callable[[str], None]
) -> LabelledFolders:
    """Those of ``--data`` and, where labels of photographs are given, that of their people in crops of this kind.

    out: what the command writes. Raises ValueError for options that contradict each other, and for labels of a format whose
    parameters are not read, or of another body.
    """
    options.check()
    if options.labels is None or options.images is None:
        return LabelledFolders(options.data)
    photographs = Photographs.at(options.images).require_some()
    units, broken = units_of(options.labels, _AT_ONCE, None)
    for path in dict.fromkeys(unit.path for unit in units):
        parameters_of(path, body)
    made_from = {
        "version": _VERSION, "labels": sha256_of(options.labels), "photographs": listing(photographs), "body": body.family,
        "label_kind": options.label_kind, "crops": asdict(kind),
    }  # fmt: skip
    crops = options.crops_folder(out)
    folder = crops / f"{kind.size}px-{short_hash(made_from)}"
    told = {**made_from, "images": str(options.images.resolve()), "label_file": str(options.labels.resolve())}

    def make_part(number: int, part: Path) -> list[Skipped]:
        samples, skipped = _cut_out(units[number], photographs, body, kind)
        if samples is not None:
            save_samples(part / "0", replace(samples, label_kind=(options.label_kind,) * len(samples)))
        return skipped

    sets = SetsInParts({folder: told}, crops / f"unfinished-{short_hash([folder.name])}", len(units), make_part)
    also = [Skipped(str(bad.path), bad.reason) for bad in broken]
    [made] = made_once(sets, also, f"{sum(unit.stop - unit.start for unit in units)} labels", tell)
    return LabelledFolders([*options.data, folder], made.skipped)


def _opened(path: Path) -> RepairableFile:
    """Raises ValueError for a format whose parameters are not read."""
    file, _ = opened(path, None)
    if isinstance(file, OurFolder):
        raise ValueError(f"{path}: is a folder of our crops; give it as --data")
    if not isinstance(file, RepairableFile):
        raise ValueError(f"{path}: is a file of {file.format_name}; {_READ}")
    return file


def parameters_of(path: Path, body: BodyModel) -> str:
    """Of which body a file's parameters are: smpl or smplx. Raises ValueError when ``body`` is another one."""
    file, given = _opened(path), body.family.partition("-")[0]
    try:
        of = file.parameters_of()
    except ValueError as error:
        raise ValueError(f"{error}; {_READ}") from None
    if body.family.startswith("free-body"):
        raise ValueError(f"{path}: give --body_model, the file of the {of} model that its parameters are of")
    if of != given:
        raise ValueError(f"{path}: its parameters are of {of}, --body_model is {given}")
    return of


def _cut_out(
    unit: Unit, photographs: Photographs, body: BodyModel, kind: CropKind
) -> tuple[Samples | None, list[Skipped]]:
    """The people of some labels, and which of those could not be read."""
    source, file, rows = LastPicture(photographs), _opened(unit.path), opened(unit.path, None)[1]
    of_smplx = file.parameters_of() == "smplx"
    samples: list[Samples] = []
    skipped: list[Skipped] = []
    labels = file.labelled(unit.start, unit.stop, source, body)
    for row, label in zip(rows[unit.start : unit.stop], labels, strict=True):
        key = unit.key(row)
        try:
            if isinstance(label, Unreadable):
                raise ValueError(label.reason)
            fitted = without_finger_tips(label) if of_smplx else label
            samples.append(crop_of(fitted, key, source, body, kind.size, kind.enlarge))
        except MemoryError:
            raise
        except Exception as error:  # whatever is wrong with one label, the others go on
            skipped.append(Skipped(key, reason_of(error)))
    return Samples.cat(samples) if samples else None, skipped
