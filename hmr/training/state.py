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
from hmr.training.run import check_marks
from hmr.training.sharding import dealt_like, is_sharded, load_whole_states, whole_list, whole_states


@dataclass(frozen=True)
class TrainingState:
    """What is saved. keeps: anything with state_dict and load_state_dict, or None. marks: what the run is known by."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    ema: EMAModel | None
    keeps: Any
    marks: dict[str, str]

    def content(self, step: int) -> dict[str, Any]:
        """What is written. Of a network that is dealt out to the processes it is whole, and all processes call this."""
        if is_sharded(self.model):
            model, optimizer = whole_states(self.model, self.optimizer)
        else:
            model, optimizer = self.model.state_dict(), self.optimizer.state_dict()
        ema = self.ema.state_dict() if self.ema is not None else {}
        if "shadow_params" in ema and is_sharded(self.model):
            ema = {**ema, "shadow_params": whole_list(ema["shadow_params"])}
        return {
            "model": model,
            "optimizer": optimizer,
            "ema": ema,
            "keeps": self.keeps.state_dict() if self.keeps is not None else {},
            "step": step,
            "marks": self.marks,
        }

    def fill(self, content: dict[str, Any]) -> None:
        """Inverse of ``content``."""
        if is_sharded(self.model):
            load_whole_states(self.model, self.optimizer, content["model"], content["optimizer"])
        else:
            self.model.load_state_dict(content["model"])
            self.optimizer.load_state_dict(content["optimizer"])
        if self.ema is not None:
            shadow = zip(content["ema"]["shadow_params"], self.model.parameters(), strict=True)
            self.ema.load_state_dict({**content["ema"], "shadow_params": [dealt_like(t, p) for t, p in shadow]})
        if self.keeps is not None:
            self.keeps.load_state_dict(content["keeps"])


def _states(folder: Path) -> list[Path]:
    """Oldest first."""
    return sorted(folder.glob("training_state-*.pt"), key=lambda path: int(path.stem.rsplit("-", 1)[1]))


def save_state(folder: Path, content: dict[str, Any], step: int, keep_last: int) -> None:
    """Atomically; older states than the last ``keep_last`` are removed after that."""
    with write_atomically(folder / f"training_state-{step}.pt") as partial:
        torch.save(content, partial)
    keep_states(folder, max(keep_last, 1))


def keep_states(folder: Path, count: int) -> None:
    """Remove all but the newest ``count``."""
    states = _states(folder)
    for path in states[: len(states) - count]:
        path.unlink()


def load_state(folder: Path, run: TrainingState, device: torch.device) -> int:
    """Fill ``run`` from the newest state; returns the step to go on with, 0 where there is none.

    Raises ValueError that names every mark that differs, when the state is of another run.
    """
    states = _states(folder)
    if not states:
        return 0
    state = torch.load(states[-1], map_location=device, weights_only=True)
    check_marks(states[-1], state.get("marks", {}), run.marks)
    run.fill(state)
    return state["step"]
