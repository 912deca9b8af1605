"""What is one run's own: its seed, where it is kept, who watches it, and how it is known again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import torch

from hmr.training.config import FitConfig

#: Step, steps in all, and what was logged.
Report = Callable[[int, int, dict[str, float]], None]


def silent(stage: str) -> Report:
    """Nobody watches."""
    del stage
    return lambda step, steps, values: None


def to_one(report: Report) -> Callable[[str], Report]:
    """The same report for every stage."""
    return lambda stage: report


#: Fields of ``FitConfig`` that change nothing of what comes out.
NOT_MARKS = ("keep_last", "gradient_accumulation_steps", "shard", "workers")


def marks_of(config: FitConfig, run: TrainingRun) -> dict[str, str]:
    """What a state must be of to be gone on with."""
    own = {f.name: str(getattr(config, f.name)) for f in fields(config) if f.name not in NOT_MARKS}
    return {"seed": str(run.seed), **{f"fit.{name}": value for name, value in own.items()}, **run.marks}


def check_marks(path: Path, then: Mapping[str, str], now: Mapping[str, str]) -> None:
    """Raises ValueError that names every mark in which what is at ``path`` is of another run."""
    other = [name for name in sorted(then.keys() | now.keys()) if then.get(name) != now.get(name)]
    if not other:
        return
    told = "; ".join(f"{name} was {then.get(name)}, is {now.get(name)}" for name in other[:4])
    more = f" (and {len(other) - 4} more)" if len(other) > 4 else ""
    raise ValueError(
        f"{path}: is of another run: {told}{more}; go on as it began, choose another --out, or remove it to start anew"
    )


@dataclass(frozen=True)
class TrainingRun:
    """Passed down to every training loop.

    Attributes:
        seed: everything random follows from it.
        reports: name of a stage to who hears of its steps.
        folder: where the training state is kept, and resumed from; None: nowhere.
        device: of networks that the run makes.
        stop_at: stop after so many steps of a loop with the state saved, by a PreemptedError (for tests and time limits).
        save_every: steps between saved states.
        marks: what else the run is known by when it is resumed (its data, its options); a state of other marks is refused.
        stage: the name of the loop that runs.
        features: where features of frozen branches are kept, of sets that are larger than memory; None: in memory.
    """

    seed: int = 0
    reports: Callable[[str], Report] = silent
    folder: Path | None = None
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    stop_at: int | None = None
    save_every: int = 200
    marks: Mapping[str, str] = field(default_factory=dict)
    stage: str = ""
    features: Path | None = None

    def of_stage(self, name: str) -> TrainingRun:
        """The same run in one of its stages, with a folder of its own."""
        return replace(self, stage=name, folder=None if self.folder is None else self.folder / name)

    def named(self, name: str) -> TrainingRun:
        """The same run, of one stage only, in the same folder."""
        return replace(self, stage=name)

    @property
    def report(self) -> Report:
        return self.reports(self.stage)
