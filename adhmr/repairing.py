"""Repair of labels in other people's files: unit after unit, then each file with the parameters that got better."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from adhmr.loading import body_of
from adhmr.progress import StageProgress, console
from adhmr.scoring import ScoringJob, check_out
from adhmr.tables import write_table
from data_cleaning.config import RepairConfig
from data_cleaning.decode import picture_source
from data_cleaning.repair import PosePrior, repair
from data_cleaning.repair_labels import (
    SCHEMA,
    SHOWN,
    Repairer,
    as_repairable,
    changed_bodies,
    is_repaired,
    write_repairs,
)
from data_cleaning.units import BadFile, Unit, opened
from hmr.body import BodyModel
from hmr.files import locked, new_folder
from hmr.formats.labels.label_file import LabelFile
from hmr.formats.labels.our_folder import OurFolder
from hmr.formats.person_candidate import reason_of
from hmr.samples import load_samples, save_samples
from scorer.protocol import load_scorer


def repairer_of(job: ScoringJob, prior: PosePrior | None, config: RepairConfig) -> Repairer:
    """Raises ValueError without the body model that the parameters are of."""
    if job.body_model is None:
        raise ValueError(
            f"{job.data}: give --body_model, the file of the model that its parameters are of; on another "
            "body they would be bent to fit its bones"
        )
    return Repairer(load_scorer(job.scorer).to(job.device), job.parameter_model().model, prior, config)


def made_by(job: ScoringJob, prior: PosePrior | None, config: RepairConfig) -> dict[str, str]:
    """What repairs depend on beside the file."""
    given = {"fit": asdict(config), "model": job.body_model_type, "images": str(job.images)}
    digest = hashlib.sha256(json.dumps(given, sort_keys=True).encode())
    for part in (prior.mean, prior.precision) if prior is not None else ():
        digest.update(part.numpy().tobytes())
    return {**job.made_by(), "options": digest.hexdigest()}


def opened_to_repair(path: Path, job: ScoringJob, model: BodyModel) -> tuple[LabelFile, list[str]]:
    """Raises ValueError for a format that is not written, or parameters of another model than the one that is given."""
    file, rows = opened(path, job.coco)
    assert not isinstance(file, OurFolder)
    if (of := as_repairable(file).parameters_of()) != (given := model.family.partition("-")[0]):
        raise ValueError(f"{path}: its parameters are of {of}, --body_model is {given}")
    return file, rows


def units_by_file(units: list[Unit]) -> dict[Path, list[Unit]]:
    out: dict[Path, list[Unit]] = {}
    for unit in units:
        out.setdefault(unit.path, []).append(unit)
    return out


def repair_units(
    job: ScoringJob, units: list[Unit], repairer: Repairer, folder: Path, made: dict[str, str]
) -> list[BadFile]:
    """Repairs what is not repaired yet. Returns the files that cannot be."""
    todo = units_by_file([unit for unit in units if not is_repaired(folder, unit, made)])
    total, done, bad = sum(map(len, todo.values())), 0, []
    with StageProgress({"repairing": 10.0}) as progress:
        progress.start("repairing")
        for path, of_file in todo.items():
            try:
                file, rows = opened_to_repair(path, job, repairer.model)
                for unit in of_file:
                    table = repairer(unit, file, rows, picture_source(unit, file, job.images))
                    write_repairs(folder, unit, table, made)
                    done += 1
                    progress.at(done / total)
            except (MemoryError, OSError):
                raise
            except Exception as error:  # a broken file may break a reader anywhere; the other files go on
                bad.append(BadFile(path, reason_of(error)))
        progress.finish()
    return bad


def write_repaired(
    job: ScoringJob, units: list[Unit], repairer: Repairer, folder: Path, out: Path
) -> tuple[pa.Table, list[BadFile]]:
    """Every file that was repaired anew under ``out``. Returns a row for each of its labels, and the files that could not be
    written."""
    tables, bad = [SCHEMA.empty_table()], []
    for path, of_path in units_by_file(units).items():
        parts = [folder / unit.output_name for unit in of_path]
        if not all(part.exists() for part in parts):
            continue
        of_file = [pq.read_table(part) for part in parts]
        rows, params = changed_bodies(of_file)
        file, _ = opened(path, job.coco)
        assert not isinstance(file, OurFolder)
        target = out / (path.relative_to(job.data) if job.data.is_dir() else path.name)
        try:
            as_repairable(file).write_bodies(rows, params, repairer.model, target)
            tables += [table.replace_schema_metadata(None) for table in of_file]
        except ValueError as error:
            bad.append(BadFile(path, str(error)))
    return pa.concat_tables(tables), bad


def prior_of(folder: Path) -> PosePrior:
    """Raises ValueError when its labels are not exact."""
    exact = load_samples(folder)
    if not set(exact.label_kind) <= {"mocap", "synthetic"}:
        raise ValueError(f"{folder}: a prior needs exact labels, these are {sorted(set(exact.label_kind))}")
    return PosePrior.fit(exact.label)


def repair_our_folder(job: ScoringJob, prior: PosePrior | None, config: RepairConfig, out: Path) -> int:
    """Returns how many labels could not be repaired: none."""
    scorer, samples = load_scorer(job.scorer).to(job.device), load_samples(job.data)
    new_folder(out)
    repaired, better = repair(samples, scorer, body_of(job.body_model, job.body_model_type), prior, config)
    save_samples(out / "repaired", repaired)
    write_table(out, "repaired", pa.table({"key": list(samples.key), "changed": better.tolist()}))
    console.print(
        f"{int(better.sum())} of {len(samples)} labels changed, see {out / 'repaired.csv'}; all are in {out / 'repaired'}"
    )
    return 0


def refined_in(out: Path) -> Path:
    """Where the units' results are kept, also for another try. Raises ValueError for a folder of something else."""
    if not (out / "refined").is_dir():
        new_folder(out)
    return out / "refined"


def repair_files(job: ScoringJob, prior: PosePrior | None, config: RepairConfig, out: Path) -> int:
    """Returns how many labels and files could not be repaired."""
    check_out(job.data, out)
    repairer, (units, broken) = repairer_of(job, prior, config), job.units()
    parts = refined_in(out)
    with locked(parts):
        broken = [*repair_units(job, units, repairer, parts, made_by(job, prior, config)), *broken]
        if {bad.path for bad in broken} >= {unit.path for unit in units}:
            raise ValueError(broken[0].reason)
        table, not_written = write_repaired(job, units, repairer, parts, out / "repaired")
    table, broken = table.select(list(SHOWN)), [*broken, *not_written]
    write_table(out, "repaired", table)
    changed, bad = sum(table["changed"].to_pylist()), sum(map(bool, table["problem"].to_pylist()))
    for item in broken:
        console.print(f"not repaired: {item.reason}", highlight=False)
    console.print(
        f"{changed} of {len(table)} labels changed, {bad} could not be repaired, see {out / 'repaired.csv'}; all are in "
        f"{out / 'repaired'}"
    )
    return bad + len(broken)
