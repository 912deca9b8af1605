"""The order of the stages, and what is left when they are done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from adhmr.demo.packaged import photographs, stages
from adhmr.demo.packaged.config import KIND, packaged_budget
from adhmr.demo.packaged.metrics import collect_metrics, print_tables
from adhmr.demo.packaged.run import PackagedRun
from adhmr.demo.run import identity_of, open_folder, opened, run_stages, tell_where
from adhmr.option_types import Log
from adhmr.report.packaged_page import write_report
from hmr.files import write_json, write_provenance
from hmr.networks.checkpoint import json_round_trip

#: Stage to its usual share of the time (seconds on 2 cores), for the bar.
COSTS = {
    "photographs": 3.0,
    "bodies": 16.0,
    "pairs": 9.0,
    "align": 35.0,
    "controls": 70.0,
    "clean": 6.0,
    "evaluate": 75.0,
    "report": 6.0,
}


def run_packaged_demo(out: Path, budget_name: str, seed: int, log: Log) -> None:
    """Raises ValueError for a folder that is not this demo's own."""
    config = packaged_budget(budget_name)
    identity = identity_of(config, seed, budget_name, kind=KIND)
    open_folder(out, identity)
    stages_of: dict[str, Callable[[PackagedRun], None]] = {
        "photographs": photographs.make_photograph_set,
        "bodies": photographs.predict_photographs,
        "pairs": stages.make_pairs_once,
        "align": stages.align_generator,
        "controls": stages.align_controls,
        "clean": stages.clean_labels,
        "evaluate": stages.evaluate_all,
        "report": finish,
    }
    with opened(COSTS, out, identity, log) as (tracker, progress):
        seconds = run_stages(PackagedRun(out, seed, tracker, progress, config), stages_of, identity)
    metrics = collect_metrics(out)
    write_json(out / "metrics.json", metrics)
    print_tables(metrics, seconds)
    tell_where(out)


def finish(run: PackagedRun) -> None:
    """Report and provenance."""
    write_report(run.out)
    write_provenance(run.out, "demo", json_round_trip(run.config), run.seed, [])
    run.tidy()
