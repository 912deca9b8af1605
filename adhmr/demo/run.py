"""A demo's folder: which stages are done, and the ways in and out for the stages."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from adhmr.demo.config import DemoConfig
from adhmr.option_types import Log
from adhmr.progress import StageProgress, console
from adhmr.tracking import Tracker
from hmr.files import code_version, read_json, write_json
from hmr.free_body import free_body
from hmr.networks.checkpoint import json_round_trip
from hmr.samples import Samples, load_samples
from hmr.skinned_body import SkinnedBody
from hmr.training.run import Report, TrainingRun

STATE_FILE = "demo.json"


@dataclass
class StagedRun:
    """out: the folder. Stages talk through files in it."""

    out: Path
    seed: int
    tracker: Tracker
    progress: StageProgress

    @property
    def body(self) -> SkinnedBody:
        return free_body(1200)

    def report(self, name: str, low: float = 0.0, high: float = 1.0) -> Report:
        """For a training loop: writes the curve ``name`` and moves the stage's bar from ``low`` to ``high``."""

        def report(step: int, steps: int, values: dict[str, float]) -> None:
            self.tracker.write(name, step, values)
            self.progress.at(low + (high - low) * step / steps)

        return report

    def training(self, name: str, stages: dict[str, tuple[float, float]] | None = None) -> TrainingRun:
        """A training run of this demo; stages: of each the part of the bar that it moves."""

        def reports(stage: str) -> Report:
            curve = f"{name}-{stage}" if stage else name
            return self.report(curve, *(stages or {}).get(stage, (0.0, 1.0)))

        return TrainingRun(self.seed, reports, self.state(name))

    def state(self, name: str) -> Path:
        """Where a training loop keeps what it needs to resume."""
        return self.out / "unfinished" / name

    def tidy(self) -> None:
        """Remove what only an interrupted run needs."""
        shutil.rmtree(self.out / "unfinished", ignore_errors=True)
        shutil.rmtree(self.out / "cache", ignore_errors=True)


AnyRun = TypeVar("AnyRun", bound=StagedRun)


@dataclass
class DemoRun(StagedRun):
    """The demo that trains everything from scratch."""

    config: DemoConfig

    def samples(self, name: str) -> Samples:
        return load_samples(self.out / "data" / name)


def open_folder(out: Path, identity: dict) -> dict[str, float]:
    """Seconds of the stages that are done. A folder that is not this demo's own is refused.

    Raises ValueError: a folder with other things in it, or a demo with another budget, seed or code version.
    """
    state_path = out / STATE_FILE
    if out.is_dir() and state_path.exists():
        state = read_json(state_path)
        if state["identity"] != identity:
            changed = sorted(k for k in identity if state["identity"].get(k) != identity[k])
            raise ValueError(
                f"{out}: holds a demo with another {', '.join(changed)}; choose another --out, or remove the folder"
            )
        return state["seconds"]
    if out.is_file():
        raise ValueError(f"{out}: expected a folder to write to, this is a file; choose another --out")
    if out.exists() and any(out.iterdir()):
        raise ValueError(f"{out}: is not empty and not a demo of ours; choose another --out")
    out.mkdir(parents=True, exist_ok=True)
    write_json(state_path, {"identity": identity, "seconds": {}})
    return {}


def run_stages(run: AnyRun, stages: dict[str, Callable[[AnyRun], None]], identity: dict) -> dict[str, float]:
    """Run what is not done yet; each stage is marked done only after it returned."""
    seconds = open_folder(run.out, identity)
    for name, stage in stages.items():
        if name in seconds:
            run.progress.skip(name)
            continue
        run.progress.start(name)
        began = time.monotonic()
        stage(run)
        seconds[name] = round(time.monotonic() - began, 1)
        write_json(run.out / STATE_FILE, {"identity": identity, "seconds": seconds})
        run.progress.finish()
    return seconds


def identity_of(config: Any, seed: int, budget: str, **more: str) -> dict:
    """What must be equal for a folder to be resumed. more: what tells demos of other kinds from the one that trains."""
    return {"budget": budget, "seed": seed, "config": json_round_trip(config), "code": code_version(), **more}


@contextmanager
def opened(costs: dict[str, float], out: Path, identity: dict, log: Log) -> Iterator[tuple[Tracker, StageProgress]]:
    """Curves and bar of a run. costs: stage to its share of the time."""
    tracker = Tracker(out / "curves", log, config=identity)
    with StageProgress(costs) as progress:
        yield tracker, progress
    tracker.close()


def tell_where(out: Path) -> None:
    """What is to be looked at."""
    console.print(
        f"\n[bold]{out / 'report.html'}[/] shows the pictures, [bold]{out / 'metrics.json'}[/] has every figure."
    )
