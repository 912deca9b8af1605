"""The same units on Ray Data: reading and cropping on CPUs, scoring on GPUs (or CPUs), as two stages that stream."""

from __future__ import annotations

import logging
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

from adhmr.scoring import ScoringJob
from data_cleaning.decode import Decoded
from data_cleaning.score import judge
from data_cleaning.side_car import MadeBy, bad_rows, is_scored, unit_table, write_unit
from data_cleaning.units import Unit
from scorer.protocol import load_scorer

Block = dict[str, Any]


def _row_of(unit: Unit) -> Block:
    """Ray's tables know numbers and strings; a column of objects they convert again, and warn."""
    return {**asdict(unit), "root": str(unit.root)}


def _unit_of(row: Block) -> Unit:
    return Unit(Path(row["root"]), row["name"], int(row["start"]), int(row["stop"]), row["file_id"])


class _Decode:
    """A unit to its crops and keypoints. Keeps the file that is open."""

    def __init__(self, job: ScoringJob, size: int) -> None:
        import torch

        torch.set_num_threads(1)  # a worker is a core
        self.decoder = job.decoder(size)

    def __call__(self, row: Block) -> Block:
        try:
            return {"decoded": self.decoder(_unit_of(row)), "mistake": ""}
        except (ValueError, OSError) as error:  # Ray would wrap it in pages of its own
            return {"decoded": None, "mistake": str(error)}


class _Score:
    """Holds a scorer; writes a unit's parquet as soon as it is scored."""

    def __init__(self, job: ScoringJob, made_by: MadeBy, out: str) -> None:
        import torch

        torch.set_num_threads(1)
        self.scorer, self.made_by, self.out = load_scorer(job.scorer).to(job.device), made_by, Path(out)

    def __call__(self, row: Block) -> Block:
        decoded: Decoded | None = row["decoded"]
        if decoded is None:
            return {"labels": 0, "mistake": row["mistake"]}
        try:
            write_unit(self.out, decoded.unit, unit_table(decoded, judge(self.scorer, decoded), self.made_by))
        except OSError as error:
            return {"labels": 0, "mistake": str(error)}
        return {"labels": len(decoded.rows), "mistake": ""}


class _DecodeAndScore:
    """Both on one core: what a worker without a GPU does."""

    def __init__(self, job: ScoringJob, made_by: MadeBy, out: str, size: int) -> None:
        self.decode, self.score = _Decode(job, size), _Score(job, made_by, out)

    def __call__(self, row: Block) -> Block:
        return self.score(self.decode(row))


def most_decoders(workers: int) -> int:
    """At half a core each, so many that there is room for the scorers beside them."""
    import ray

    return max(1, 2 * int(ray.cluster_resources().get("CPU", 1)) - workers)


def scores_apart(device: str) -> bool:
    """Is scoring a stage of its own? On a GPU, while CPUs read and crop what comes next; a core does better with both at once."""
    return device.startswith("cuda")


def score_on_ray(job: ScoringJob, units: list[Unit], out: Path, workers: int) -> tuple[int, int]:
    """As ``adhmr.scoring.score_here``, with ``workers`` scoring at once, each on a GPU of its own where the device is one.

    Raises ValueError when Ray is not installed, and for what would be one here as well.
    """
    try:
        import ray
    except ModuleNotFoundError:
        raise ValueError('--ray_workers needs Ray: pip install -e ".[ray]"') from None
    made_by, out, job = job.made_by(), out.absolute(), job.absolute()
    todo = [replace(unit, root=job.data) for unit in units if not is_scored(out, unit, made_by)]
    if not todo:
        return 0, bad_rows(out, units)
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
            decoded = rows.map(
                cast(Any, _Decode), fn_constructor_args=(job, size), num_cpus=0.5,
                compute=ray.data.ActorPoolStrategy(min_size=1, max_size=most_decoders(workers)),
            )  # fmt: skip
            scored = decoded.map(
                cast(Any, _Score), fn_constructor_args=(job, made_by, str(out)), compute=pool, num_cpus=0.1,
                num_gpus=1 if on_gpu else 0,
            )  # fmt: skip
        else:
            scored = rows.map(
                cast(Any, _DecodeAndScore),
                fn_constructor_args=(job, made_by, str(out), size),
                compute=pool,
                num_cpus=1,
            )
        done = scored.take_all()
    finally:
        ray.shutdown()
    if mistakes := [row["mistake"] for row in done if row["mistake"]]:
        raise ValueError(mistakes[0])
    return sum(r["labels"] for r in done), bad_rows(out, units)
