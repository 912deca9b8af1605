"""A progress bar for one training loop, and its curve in a file."""

from __future__ import annotations

from adhmr.progress import StageProgress
from adhmr.tracking import Tracker
from hmr.training.run import Report


def training_report(progress: StageProgress, tracker: Tracker, name: str) -> Report:
    """Moves the bar of the running stage and writes the curve."""

    def report(step: int, steps: int, values: dict[str, float]) -> None:
        tracker.write(name, step, values)
        if progress.stage != name:
            progress.start(name)
        progress.at(step / steps)
        if step >= steps:
            progress.finish()

    return report
