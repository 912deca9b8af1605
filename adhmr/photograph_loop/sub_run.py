"""One alignment of the loop in a folder of its own, which is a checkpoint when it has ended: the run itself, or a control."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from adhmr.aligning import Aligned, AlignInputs, align_and_watch, base_generator
from adhmr.training_job import training_job
from dpo.guards import Checkup
from dpo.judges import pair_maker
from dpo.watch import badness, load_checkups
from hmr.files import is_first_process, read_json, write_json

if TYPE_CHECKING:
    from adhmr.commands.align import Control, Options

_OUTCOME_FILE = "outcome.json"


@dataclass(frozen=True)
class Outcome:
    """How a run ended. stopped: why a guard stopped it. step: of the weights that were taken. last_step: of its last checkup."""

    stopped: str | None
    step: int
    last_step: int

    @classmethod
    def load(cls, folder: Path) -> Outcome:
        return cls(**read_json(folder / _OUTCOME_FILE))


def ended(folder: Path) -> bool:
    """Its provenance is what is written last."""
    return (folder / "provenance.json").exists()


def align_into(
    folder: Path, inputs: AlignInputs, options: Options, badness: Callable[[Checkup], float] = badness
) -> Outcome:
    """Goes on where it was; one that has ended is not done again. badness: what the weights that are taken have least of."""
    if not ended(folder):
        if (
            folder / "config.json"
        ).exists() and is_first_process():  # stopped between its last two files: a matter of moments
            shutil.rmtree(folder)
        options = replace(options, out=folder)
        with training_job("align", options, {"align": 1.0}, inputs.paths) as job:
            aligned = align_and_watch(inputs, options, job, badness)
            inputs.generator.save_pretrained(folder)
            write_json(folder / _OUTCOME_FILE, asdict(_outcome(aligned, folder)))
    return Outcome.load(folder)


def _outcome(aligned: Aligned, folder: Path) -> Outcome:
    assert aligned.best is not None
    return Outcome(aligned.stopped, aligned.best.step, load_checkups(folder)[-1].step)


def control_inputs(inputs: AlignInputs, options: Options, control: Control) -> AlignInputs:
    """The same run from the base on other pairs, watched by the same judge."""
    _, generator = base_generator(options, inputs.body)
    judge = replace(inputs.judges, name=control).of(inputs.given)
    pairs = pair_maker(inputs.views, inputs.data.conditions, judge, inputs.body, options.align, control)
    return replace(inputs, generator=generator, pairs=pairs)
