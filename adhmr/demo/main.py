"""The order of the demo's stages, and what is left when they are done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from adhmr.demo import stages
from adhmr.demo.config import budget
from adhmr.demo.metrics import collect_metrics, print_tables
from adhmr.demo.run import DemoRun, identity_of, open_folder, opened, run_stages, tell_where
from adhmr.option_types import Log
from adhmr.report.page import write_report
from hmr.files import write_json, write_provenance
from hmr.networks.checkpoint import json_round_trip

#: Stage to its usual share of the time (seconds on 2 cores), for the bar.
COSTS = {
    "synth": 30.0,
    "generator": 130.0,
    "regressor": 25.0,
    "candidates": 25.0,
    "scorer": 170.0,
    "align": 45.0,
    "controls": 110.0,
    "clean": 5.0,
    "evaluate": 70.0,
    "report": 10.0,
}


def run_demo(out: Path, budget_name: str, seed: int, log: Log) -> None:
    """Raises ValueError for a folder that is not this demo's own."""
    config = budget(budget_name)
    identity = identity_of(config, seed, budget_name)
    open_folder(out, identity)
    stages_of: dict[str, Callable[[DemoRun], None]] = {
        "synth": stages.make_data,
        "generator": stages.train_base,
        "regressor": stages.train_regressor,
        "candidates": stages.make_candidates,
        "scorer": stages.train_judges,
        "align": stages.align_generator,
        "controls": stages.align_controls,
        "clean": stages.clean_labels,
        "evaluate": stages.evaluate_all,
        "report": finish,
    }
    with opened(COSTS, out, identity, log) as (tracker, progress):
        seconds = run_stages(DemoRun(out, seed, tracker, progress, config), stages_of, identity)
    metrics = collect_metrics(out)
    write_json(out / "metrics.json", metrics)
    print_tables(metrics, seconds)
    tell_where(out)


def finish(run: DemoRun) -> None:
    """Report and provenance."""
    write_report(run.out)
    write_provenance(run.out, "demo", json_round_trip(run.config), run.seed, [])
    run.tidy()
