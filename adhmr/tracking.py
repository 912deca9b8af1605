"""Training curves: JSON lines in files, and Weights & Biases when it is asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from adhmr.option_types import Log
from hmr.files import is_first_process


class Tracker:
    """One curve file for each name under ``folder``. With wandb, one run; offline when WANDB_MODE says so."""

    def __init__(self, folder: Path, log: Log = "files", project: str = "adhmr", config: dict[str, Any] | None = None):
        self.folder = folder
        self.run = None
        if log == "wandb" and is_first_process():
            import wandb

            folder.mkdir(parents=True, exist_ok=True)
            try:
                self.run = wandb.init(project=project, dir=str(folder), config=config or {})
            except (wandb.Error, OSError) as error:
                raise ValueError(
                    f"wandb could not start ({error}); log in by `wandb login`, set WANDB_MODE=offline, or leave --log out"
                ) from None

    def write(self, name: str, step: int, values: dict[str, float]) -> None:
        if not is_first_process():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / f"{name}.jsonl").open("a") as file:
            file.write(json.dumps({"step": step, **{k: round(v, 6) for k, v in values.items()}}) + "\n")
        if self.run is not None:
            self.run.log({f"{name}/{k}": v for k, v in values.items()} | {f"{name}/step": step})

    def close(self) -> None:
        if self.run is not None:
            self.run.finish()


def read_curve(path: Path) -> list[dict[str, float]]:
    """The points of a curve; where a resumed run wrote a step twice the later one counts."""
    points = {}
    for line in path.read_text().splitlines():
        point = json.loads(line)
        points[point["step"]] = point
    return [points[step] for step in sorted(points)]
