"""Refine labels to their 2D keypoints, anchored on what they were, and keep whichever of the two the scorer prefers: repair
before dropping. Writes repaired/ (the same labels, better) and repaired.csv (which changed, and how far keypoints were off before
and after; of our own folders only which changed). Of files it goes on where it stopped when the same line is given again."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from data_cleaning.config import RepairConfig
from data_cleaning.repair import PosePrior

if TYPE_CHECKING:
    from adhmr.scoring import ScoringJob


@dataclass(frozen=True)
class Options:
    """
    Args:
        data: our own folder with pictures.npy and labels.npz, or a file of HumanData, 4D-Humans or CameraHMR, or a folder of them
        scorer: folder of a scorer checkpoint
        out: an empty folder to write; for files also this run's own unfinished one
        images: folder of the photographs that the labels of a file are of
        body_model: folder or file of the SMPL-family model of the parameters in a file
        body_model_type: smpl or smplx
        prior: folder of exact labels that a prior on poses is fitted to; without it there is none
        fit: the scales of the refinement
        rows_per_unit: labels of a file that are refined at once, and not lost when it is stopped
        seed: kept in the provenance; nothing is drawn
        device: the scorer's; the refinement runs on the CPU
        strict: exit with 2 when some could not be repaired, instead of with 3
    """

    data: Path
    scorer: Path
    out: Path
    images: Path | None = None
    body_model: Path | None = None
    body_model_type: Literal["smpl", "smplx"] = "smplx"
    prior: Path | None = None
    fit: RepairConfig = field(default_factory=RepairConfig)
    rows_per_unit: int = 1000
    seed: int = 0
    device: Literal["cpu", "cuda"] = "cpu"
    strict: bool = False


def prior_of(folder: Path) -> PosePrior:
    """Raises ValueError when its labels are not exact."""
    from hmr.samples import load_samples

    exact = load_samples(folder)
    if not set(exact.label_kind) <= {"mocap", "synthetic"}:
        raise ValueError(f"{folder}: a prior needs exact labels, these are {sorted(set(exact.label_kind))}")
    return PosePrior.fit(exact.label)


def repair_our_folder(options: Options, prior: PosePrior | None) -> int:
    """Returns how many labels could not be repaired: none."""
    import pyarrow as pa

    from adhmr.progress import console
    from adhmr.tables import write_table
    from data_cleaning.repair import repair
    from hmr.files import new_folder
    from hmr.free_body import free_body
    from hmr.samples import load_samples, save_samples
    from scorer.protocol import load_scorer

    scorer, samples = load_scorer(options.scorer).to(options.device), load_samples(options.data)
    out = new_folder(options.out)
    repaired, better = repair(samples, scorer, free_body(1200), prior, options.fit)
    save_samples(out / "repaired", repaired)
    write_table(out, "repaired", pa.table({"key": list(samples.key), "changed": better.tolist()}))
    console.print(
        f"{int(better.sum())} of {len(samples)} labels changed, see {out / 'repaired.csv'}; all are in {out / 'repaired'}"
    )
    return 0


def refined_in(out: Path) -> Path:
    """Where the units' results are kept, also for another try. Raises ValueError for a folder of something else."""
    from hmr.files import new_folder

    if not (out / "refined").is_dir():
        new_folder(out)
    return out / "refined"


def repair_files(options: Options, job: ScoringJob, prior: PosePrior | None) -> int:
    """Returns how many labels and files could not be repaired."""
    from adhmr.progress import console
    from adhmr.repairing import made_by, repair_units, repairer_of, write_repaired
    from adhmr.scoring import check_out
    from adhmr.tables import write_table
    from data_cleaning.repair_labels import SHOWN

    check_out(options.data, options.out)
    repairer, (units, broken) = repairer_of(job, prior, options.fit), job.units()
    parts = refined_in(options.out)
    broken = [*repair_units(job, units, repairer, parts, made_by(job, prior, options.fit)), *broken]
    if {bad.path for bad in broken} >= {unit.path for unit in units}:
        raise ValueError(broken[0].reason)
    table, not_written = write_repaired(job, units, repairer, parts, options.out / "repaired")
    table, broken = table.select(list(SHOWN)), [*broken, *not_written]
    write_table(options.out, "repaired", table)
    changed, bad = sum(table["changed"].to_pylist()), sum(map(bool, table["problem"].to_pylist()))
    for item in broken:
        console.print(f"not repaired: {item.reason}", highlight=False)
    console.print(
        f"{changed} of {len(table)} labels changed, {bad} could not be repaired, see {options.out / 'repaired.csv'}; all are in "
        f"{options.out / 'repaired'}"
    )
    return bad + len(broken)


def run(options: Options) -> int:
    from adhmr.exit_code import exit_code
    from adhmr.scoring import ScoringJob
    from hmr.files import write_provenance
    from hmr.formats.labels.open import is_our_folder

    prior = prior_of(options.prior) if options.prior is not None else None
    if is_our_folder(options.data):
        bad = repair_our_folder(options, prior)
    else:
        job = ScoringJob(
            options.data, options.scorer, options.images, None, options.body_model, options.body_model_type,
            options.rows_per_unit, options.device,
        )  # fmt: skip
        bad = repair_files(options, job, prior)
    inputs = [options.data, options.scorer, *([options.prior] if options.prior else [])]
    write_provenance(options.out, "repair", asdict(options), options.seed, inputs)
    return exit_code(bad, options.strict)
