"""The same units on Ray Data: reading and cropping on CPUs, scoring on GPUs (or CPUs), as two stages that stream."""

from __future__ import annotations

import logging
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

from adhmr.scoring import ScoringJob
from data_cleaning.decode import Decoded
from data_cleaning.run_units import Decoder
from data_cleaning.score import judge
from data_cleaning.side_car import is_scored, unit_table, write_unit
from data_cleaning.units import Unit
from scorer.protocol import load_scorer

Block = dict[str, Any]


def _row_of(unit: Unit) -> Block:
    """Ray's tables know numbers and strings; a column of objects they convert again, and warn."""
    return {**asdict(unit), "root": str(unit.root)}


def _unit_of(row: Block) -> Unit:
    return Unit(Path(row["root"]), row["name"], int(row["start"]), int(row["stop"]), row["file_id"])


@dataclass
class _Decode:
    """A unit to its crops and keypoints."""

    job: ScoringJob
    size: int
    _decoder: Decoder | None = None

    def __call__(self, row: Block) -> Block:
        if self._decoder is None:
            import torch

            torch.set_num_threads(1)  # a worker is a core
            self._decoder = self.job.decoder(self.size)
        return {"decoded": self._decoder(_unit_of(row))}


class _Score:
    """Holds a scorer; writes a unit's parquet as soon as it is scored."""

    def __init__(self, job: ScoringJob, scorer_id: str, out: str) -> None:
        import torch

        torch.set_num_threads(1)
        self.scorer, self.scorer_id, self.out = load_scorer(job.scorer).to(job.device), scorer_id, Path(out)

    def __call__(self, row: Block) -> Block:
        decoded: Decoded = row["decoded"]
        write_unit(self.out, decoded.unit, unit_table(decoded, judge(self.scorer, decoded), self.scorer_id))
        return {"labels": len(decoded.rows), "bad": sum(bool(r.problem) for r in decoded.rows)}


class _DecodeAndScore:
    """Both on one core: what a worker without a GPU does."""

    def __init__(self, job: ScoringJob, scorer_id: str, out: str, size: int) -> None:
        self.decode, self.score = _Decode(job, size), _Score(job, scorer_id, out)

    def __call__(self, row: Block) -> Block:
        return self.score(self.decode(row))


def scores_apart(device: str) -> bool:
    """Is scoring a stage of its own? On a GPU, while CPUs read and crop what comes next; a core does better with both at once."""
    return device.startswith("cuda")


def score_on_ray(job: ScoringJob, units: list[Unit], out: Path, workers: int) -> tuple[int, int]:
    """As ``adhmr.scoring.score_here``, with ``workers`` scoring at once, each on a GPU of its own where the device is one.

    Raises ValueError when Ray is not installed.
    """
    try:
        import ray
    except ModuleNotFoundError:
        raise ValueError('--ray_workers needs Ray: pip install -e ".[ray]"') from None
    scorer_id, out, job = job.scorer_id(), out.absolute(), job.absolute()
    todo = [replace(unit, root=job.data) for unit in units if not is_scored(out, unit, scorer_id)]
    if not todo:
        return 0, 0
    size = load_scorer(job.scorer).crop_size
    on_gpu = job.device.startswith("cuda")
    if not ray.is_initialized():
        # On a cluster its own resources; here as many cores as workers, so that a worker is a core.
        cores = None if "RAY_ADDRESS" in os.environ or on_gpu else workers
        ray.init(num_cpus=cores, include_dashboard=False, log_to_driver=False, logging_level=logging.WARNING)
    ray.data.DataContext.get_current().enable_progress_bars = False
    try:
        rows = ray.data.from_items([_row_of(unit) for unit in todo], override_num_blocks=len(todo))
        pool = ray.data.ActorPoolStrategy(size=workers)
        if scores_apart(job.device):
            decoded = rows.map(_Decode(job, size), num_cpus=0.5)
            scored = decoded.map(
                cast(Any, _Score), fn_constructor_args=(job, scorer_id, str(out)), compute=pool, num_cpus=0.1,
                num_gpus=1 if on_gpu else 0,
            )  # fmt: skip
        else:
            scored = rows.map(
                cast(Any, _DecodeAndScore),
                fn_constructor_args=(job, scorer_id, str(out), size),
                compute=pool,
                num_cpus=1,
            )
        done = scored.take_all()
    finally:
        ray.shutdown()
    return sum(r["labels"] for r in done), sum(r["bad"] for r in done)
