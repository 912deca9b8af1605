"""Phase one of cleaning: score labels of any format, a parquet for each unit of work."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields, replace
from pathlib import Path

from adhmr.option_types import BodyModelType
from adhmr.progress import StageProgress
from data_cleaning.run_units import Decoder, score_units
from data_cleaning.side_car import MadeBy
from data_cleaning.units import BadFile, Unit, readable_units, units_of
from hmr.files import read_json, sha256_of
from hmr.formats.labels.label_file import ParameterModel
from hmr.formats.labels.open import is_our_folder, label_files
from hmr.formats.smpl_parameters import stand_in
from hmr.smplx_files import load_body
from scorer.protocol import load_scorer


@dataclass(frozen=True)
class ScoringJob:
    """What is scored by what. body_model: the user's own, or None for the free body in its stead."""

    data: Path
    scorer: Path
    images: Path | None
    coco: Path | None
    body_model: Path | None
    body_model_type: BodyModelType
    rows_per_unit: int
    device: str

    def __post_init__(self) -> None:
        if self.rows_per_unit < 1:
            raise ValueError(f"expected --rows_per_unit of at least 1, got {self.rows_per_unit}")

    def absolute(self) -> ScoringJob:
        """For workers elsewhere, with folders of their own."""
        paths = {f.name: getattr(self, f.name) for f in fields(self) if isinstance(getattr(self, f.name), Path)}
        return replace(self, **{name: path.absolute() for name, path in paths.items()})

    def parameter_model(self) -> ParameterModel:
        if self.body_model is None:
            return ParameterModel(stand_in(), False)
        return ParameterModel(load_body(self.body_model, self.body_model_type), True)

    def decoder(self, size: int) -> Decoder:
        return Decoder(self.images, self.coco, self.parameter_model(), size)

    def made_by(self) -> MadeBy:
        own = {} if self.body_model is None else {"body_model": sha256_of(self.body_model)}
        return {"scorer": sha256_of(self.scorer), **own}

    def units(self) -> tuple[list[Unit], list[BadFile]]:
        return units_of(self.data, self.rows_per_unit, self.coco)


def check_out(data: Path, out: Path) -> None:
    """Raises ValueError when what is written would be labels of the next run."""
    if data.is_dir() and not is_our_folder(data) and out.resolve().is_relative_to(data.resolve()):
        raise ValueError(f"{out} is inside {data}, whose files are all labels; choose an --out beside it")


ROWS_PER_UNIT = 1000


def rows_per_unit(scores: Path | None) -> int:
    """How `adhmr score` cut the files up in a folder that it wrote, so that nobody has to say it twice."""
    path = scores / "provenance.json" if scores is not None else None
    return int(read_json(path)["config"]["rows_per_unit"]) if path is not None and path.exists() else ROWS_PER_UNIT


def task_of_array() -> tuple[int, int]:
    """Which of how many jobs this is: SLURM's array, or the only one."""
    first = int(os.environ.get("SLURM_ARRAY_TASK_MIN", "0"))
    index = int(os.environ.get("SLURM_ARRAY_TASK_ID", str(first))) - first
    return index, int(os.environ.get("SLURM_ARRAY_TASK_COUNT", "1"))


def share_of(job: ScoringJob, index: int, count: int) -> tuple[list[Unit], list[BadFile]]:
    """The units of one job of ``count``: whole files when there are enough of them, so that a job opens only its own.

    Raises ValueError for a number outside 0 to count - 1.
    """
    if not 0 <= index < count:
        raise ValueError(f"expected a task from 0 to {count - 1}, got {index}")
    files = label_files(job.data)
    if count == 1 or len(files) < count:
        units, bad = job.units()
        return units[index::count], bad if index == 0 else []
    return readable_units(job.data, files[index::count], job.rows_per_unit, job.coco)


def score_here(job: ScoringJob, units: list[Unit], out: Path) -> tuple[int, int]:
    """On this machine, with a bar. Returns labels scored now, and how many of all could not be judged."""
    scorer = load_scorer(job.scorer).to(job.device)
    with StageProgress({"scoring": 10.0}) as progress:
        progress.start("scoring")
        counts = score_units(
            units, out, job.decoder(scorer.crop_size), scorer, job.made_by(), lambda d, n: progress.at(d / max(n, 1))
        )
        progress.finish()
    return counts
