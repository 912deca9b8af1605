"""Refine labels to their 2D keypoints, anchored on what they were, and keep whichever of the two the scorer prefers: repair
before dropping. Writes repaired/ (the same labels, better) and repaired.csv (which changed, and how far keypoints were off before
and after; of our own folders only which changed). Of files it goes on where it stopped when the same line is given again."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from adhmr.option_types import BodyModelType
from data_cleaning.config import RepairConfig


@dataclass(frozen=True)
class Options:
    """
    Args:
        data: our own folder with pictures.npy and labels.npz, or a file of HumanData, 4D-Humans or CameraHMR, or a folder of them
        scorer: folder of a scorer checkpoint
        out: an empty folder to write; for files also this run's own unfinished one
        images: folder of the photographs that the labels of a file are of
        body_model: folder or file of the SMPL-family model of the parameters in a file
        body_model_type: auto (what the file is), smpl, smplh or smplx
        prior: folder of exact labels that a prior on poses is fitted to; without it there is none
        fit: the scales of the refinement
        rows_per_unit: labels of a file that are refined at once, and not lost when it is stopped
        device: the scorer's; the refinement runs on the CPU
        strict: exit with 2 when some could not be repaired, instead of with 3
    """

    data: Path
    scorer: Path
    out: Path
    images: Path | None = None
    body_model: Path | None = None
    body_model_type: BodyModelType = "auto"
    prior: Path | None = None
    fit: RepairConfig = field(default_factory=RepairConfig)
    rows_per_unit: int = 1000
    device: Literal["cpu", "cuda"] = "cpu"
    strict: bool = False


def run(options: Options) -> int:
    from adhmr.exit_code import exit_code
    from adhmr.repairing import prior_of, repair_files, repair_our_folder
    from adhmr.scoring import ScoringJob
    from hmr.files import write_provenance
    from hmr.formats.labels.open import is_our_folder

    prior = prior_of(options.prior) if options.prior is not None else None
    job = ScoringJob(
        options.data, options.scorer, options.images, None, options.body_model, options.body_model_type,
        options.rows_per_unit, options.device,
    )  # fmt: skip
    if is_our_folder(options.data):
        bad = repair_our_folder(job, prior, options.fit, options.out)
    else:
        bad = repair_files(job, prior, options.fit, options.out)
    inputs = [options.data, options.scorer, *([options.prior] if options.prior else [])]
    write_provenance(options.out, "repair", asdict(options), None, inputs)
    return exit_code(bad, options.strict)
