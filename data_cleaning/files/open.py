"""Which format is a file of?"""

from __future__ import annotations

from pathlib import Path

from data_cleaning.files.agora import AgoraFile
from data_cleaning.files.human_data import HumanDataFile
from data_cleaning.files.json_rows import json_file
from data_cleaning.files.label_file import LabelFile
from data_cleaning.files.npz import member_names
from data_cleaning.files.our_folder import OurFolder
from data_cleaning.files.parquet_rows import ParquetFile
from data_cleaning.files.row_npz import RowNpzFile
from data_cleaning.files.row_readers import kind_of
from data_cleaning.files.sequence_pickle import SequenceFile
from data_cleaning.files.tar_rows import tar_file

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
    match path.suffix:
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
    found = sorted(p for p in path.rglob("[!.]*") if p.suffix in SUFFIXES and p.is_file()) if path.is_dir() else []
    if not found:
        raise ValueError(f"{path}: expected a file of labels, or a folder of them ({', '.join(SUFFIXES)})")
    return found
