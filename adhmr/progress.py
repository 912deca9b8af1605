"""Progress bars with stage names and time left, quiet when the output is not a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from hmr.files import is_first_process

console = Console(stderr=False, quiet=not is_first_process())


class StageProgress:
    """Stages with known relative costs; the time left follows from how long the work so far took.

    In a file or a pipe a line is printed for each stage instead of a bar.
    """

    def __init__(self, costs: dict[str, float]) -> None:
        self.costs = costs
        self.finished = 0.0
        self.measured = 0.0
        self.total = sum(costs.values())
        self.began = time.monotonic()
        self.stage = ""
        self.live = sys.stdout.isatty() and is_first_process()
        self.bar = Progress(
            TextColumn("[bold]{task.description:28s}"),
            BarColumn(bar_width=None),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
            disable=not self.live,
        )
        self.task: TaskID = self.bar.add_task("starting", total=self.total, left="")

    def __enter__(self) -> StageProgress:
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def skip(self, stage: str) -> None:
        """A stage that an earlier run finished."""
        self.finished += self.costs[stage]
        self.bar.update(self.task, completed=self.finished)

    def start(self, stage: str) -> None:
        self.stage = stage
        self.bar.start()
        self.at(0.0)
        if not self.live:
            console.print(f"[{self._clock()}] {stage} …{self._left(self.finished)}", highlight=False)

    def at(self, share: float) -> None:
        """How far the running stage is, in [0, 1]."""
        done = self.finished + self.costs[self.stage] * min(share, 1.0)
        self.bar.update(self.task, description=self.stage, completed=done, left=self._left(done))

    def of(self, stage: str) -> Callable[[float], None]:
        """What is called with the share of a stage that is done; nothing is shown before, for it may be done already."""

        def at(share: float) -> None:
            if self.stage != stage:
                self.start(stage)
            self.at(share)

        return at

    def finish(self) -> None:
        self.finished += self.costs[self.stage]
        self.measured += self.costs[self.stage]
        self.bar.update(self.task, completed=self.finished, left=self._left(self.finished))

    def _clock(self) -> str:
        minutes, seconds = divmod(int(time.monotonic() - self.began), 60)
        return f"{minutes:02d}:{seconds:02d}"

    def _left(self, done: float) -> str:
        worked = done - (self.finished - self.measured)
        if worked <= 0:
            return f" about {max(self.total - done, 0) / 60:.0f} min left" if done == 0 else ""
        rate = (time.monotonic() - self.began) / worked
        return f" about {max(self.total - done, 0) * rate / 60:.1f} min left"
