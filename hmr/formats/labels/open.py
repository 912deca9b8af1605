"""Which format is a file of?"""

from __future__ import annotations

from pathlib import Path

from hmr.formats.labels.agora import AgoraFile
from hmr.formats.labels.human_data import HumanDataFile
from hmr.formats.labels.json_rows import json_file
from hmr.formats.labels.label_file import LabelFile
from hmr.formats.labels.npz import member_names
from hmr.formats.labels.our_folder import OurFolder
from hmr.formats.labels.parquet_rows import ParquetFile
from hmr.formats.labels.row_npz import RowNpzFile
from hmr.formats.labels.row_readers import kind_of
from hmr.formats.labels.sequence_pickle import SequenceFile
from hmr.formats.labels.tar_rows import tar_file

SUFFIXES = (".npz", ".json", ".parquet", ".tar", ".pkl")


def _open_npz(path: Path) -> HumanDataFile | RowNpzFile:
    names = set(member_names(path))
    if HumanDataFile.recognises(names):
        return HumanDataFile(path)
    if kind := kind_of(names):
        return RowNpzFile(path, *kind)
    raise ValueError(
        f"{path}: the format is not known; expected HumanData (image_path, smpl or smplx), "
        f"4D-Humans, BEDLAM or CameraHMR (imgname and theirs), found {sorted(names)[:8]}"
    )


def _is_frame(path: Path) -> bool:
    """Is the pickle one of pandas? Its first bytes name the class."""
    with path.open("rb") as stream:
        return b"pandas" in stream.read(200)


def is_our_folder(path: Path) -> bool:
    return all((path / name).exists() for name in ("labels.npz", "pictures.npy"))


def open_labels(path: Path, coco: Path | None = None) -> LabelFile | OurFolder:
    """coco: for NeuralAnnot, the file that says which photographs its annotations are of.

    Raises ValueError naming the file when it is missing or of no format that is known.
    """
    if path.is_dir() and (path / "labels.npz").exists():
        return OurFolder(path)
    if not path.is_file():
        raise ValueError(f"{path}: expected a file of labels or a folder with pictures.npy and labels.npz")
    match path.suffix.lower():
        case ".npz":
            return _open_npz(path)
        case ".json":
            return json_file(path, coco)
        case ".parquet":
            return ParquetFile(path)
        case ".tar":
            return tar_file(path)
        case ".pkl":
            return AgoraFile(path) if _is_frame(path) else SequenceFile(path)
    raise ValueError(f"{path}: expected one of {', '.join(SUFFIXES)}")


def label_files(path: Path) -> list[Path]:
    """The file itself, our own folder, or the files of labels in a folder, by name. Raises ValueError when there is none."""
    if path.is_file() or is_our_folder(path):
        return [path]
    found = (
        sorted(p for p in path.rglob("[!.]*") if p.suffix.lower() in SUFFIXES and p.is_file()) if path.is_dir() else []
    )
    if not found:
        raise ValueError(f"{path}: expected a file of labels, or a folder of them ({', '.join(SUFFIXES)})")
    return found
