"""A training command's run: its folder, locked; its bar, its curves; and what it is known by when it goes on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from adhmr.option_types import Log
from adhmr.progress import StageProgress
from adhmr.tracking import Tracker
from adhmr.training_progress import training_report
from hmr.files import checkpoint_folder, fingerprint, locked, write_provenance
from hmr.training.run import NOT_MARKS, TrainingRun

#: Options that do not change what comes out.
_NOT_MARKS = {
    "out", "log", "device", "seed", "features", "crops", "offline", "strict", "controls", "human_keypoints", "examples",
}  # fmt: skip


def marks_of(options: Any, inputs: list[Path]) -> dict[str, str]:
    """By which a run is known again: its options, and what its input files hold."""
    plain = {name: value for name, value in asdict(options).items() if name not in _NOT_MARKS}
    marks = {name: str(value) for name, value in _flat(plain).items() if name.rpartition(".")[2] not in NOT_MARKS}
    return {**marks, **{f"content of {path}": fingerprint(path) for path in inputs if path.exists()}}


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, value in values.items():
        inner = _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) and value else {f"{prefix}{name}": value}
        out.update(inner)
    return out


@dataclass
class TrainingJob:
    """A run in its folder. What the command is for is done with ``run``; then the checkpoint is saved into ``out``."""

    out: Path
    run: TrainingRun
    tracker: Tracker
    progress: StageProgress

    @property
    def unfinished(self) -> Path:
        return self.out / "unfinished"


@contextmanager
def training_job(command: str, options: Any, costs: dict[str, float], inputs: list[Path]) -> Iterator[TrainingJob]:
    """options: of a command, with out, seed, device and log. costs: stage to its relative cost. inputs: files and folders that it
    reads. When the block ends well the provenance is written and the unfinished state removed.

    Raises ValueError for a folder with something else in it, or one that another run is writing to.
    """
    out: Path = options.out
    checkpoint_folder(out)
    log: Log = options.log
    with locked(out / "unfinished"), StageProgress(costs) as progress:
        tracker = Tracker(out / "curves", log)
        run = TrainingRun(
            seed=options.seed,
            reports=lambda stage: training_report(progress, tracker, stage),
            folder=out / "unfinished",
            device=torch.device(options.device),
            marks=marks_of(options, inputs),
        )
        try:
            yield TrainingJob(out, run, tracker, progress)
        finally:
            tracker.close()
        write_provenance(out, command, asdict(options), options.seed, inputs)
    shutil.rmtree(out / "unfinished", ignore_errors=True)
