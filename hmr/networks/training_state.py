"""The state of a training run on disk: network, optimiser, averaged weights, what the trainer keeps, and where it was.

Random numbers and the order of the data are functions of the seed and the step, so the step is all that is kept of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers.training_utils import EMAModel
from torch import nn

from hmr.files import write_atomically


@dataclass(frozen=True)
class TrainingState:
    """What is saved. keeps: anything with state_dict and load_state_dict, or None. processes: how many the run has."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    ema: EMAModel | None
    keeps: Any
    rows: int
    seed: int
    processes: int


def _states(folder: Path) -> list[Path]:
    """Oldest first."""
    return sorted(folder.glob("training_state-*.pt"), key=lambda path: int(path.stem.rsplit("-", 1)[1]))


def save_state(folder: Path, run: TrainingState, step: int, keep_last: int) -> None:
    """Atomically; older states than the last ``keep_last`` are removed after that."""
    with write_atomically(folder / f"training_state-{step}.pt") as partial:
        torch.save(
            {
                "model": run.model.state_dict(),
                "optimizer": run.optimizer.state_dict(),
                "ema": run.ema.state_dict() if run.ema is not None else {},
                "keeps": run.keeps.state_dict() if run.keeps is not None else {},
                "step": step,
                "rows": run.rows,
                "seed": run.seed,
                "processes": run.processes,
            },
            partial,
        )
    keep_states(folder, max(keep_last, 1))


def keep_states(folder: Path, count: int) -> None:
    """Remove all but the newest ``count``."""
    states = _states(folder)
    for path in states[: len(states) - count]:
        path.unlink()


def load_state(folder: Path, run: TrainingState, device: torch.device) -> int:
    """Fill ``run`` from the newest state; returns the step to go on with, 0 where there is none.

    Raises ValueError when the state is of another run: other data, another seed, another number of processes.
    """
    states = _states(folder)
    if not states:
        return 0
    state = torch.load(states[-1], map_location=device, weights_only=True)
    for name, now in (("rows", run.rows), ("seed", run.seed), ("processes", run.processes)):
        if state[name] != now:
            raise ValueError(
                f"{states[-1]}: was made with {name} = {state[name]}, this run has {now}; go on as it began, or choose another "
                "--out, or remove it to start anew"
            )
    run.model.load_state_dict(state["model"])
    run.optimizer.load_state_dict(state["optimizer"])
    if run.ema is not None:
        run.ema.load_state_dict(state["ema"])
    if run.keeps is not None:
        run.keeps.load_state_dict(state["keeps"])
    return state["step"]
