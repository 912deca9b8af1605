"""The whole loop on photographs, each stage once: align, controls, judging, report. A run that was stopped goes on where it was.

Folder: the aligned checkpoint with its checkups and curves; ``controls/NAME``, a checkpoint each; ``judged/NAME``, candidates of
the held-out people and what scorers say of them; report.html, report.json, skipped.csv. ``unfinished`` is there until all is
done.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from adhmr.aligning import AlignInputs
from adhmr.exit_code import exit_code
from adhmr.judging import Judges, tell
from adhmr.loading import body_of, estimator_folder, load_estimator
from adhmr.photograph_loop.comparison import Comparison, as_json
from adhmr.photograph_loop.human_marks import HumanMarks
from adhmr.photograph_loop.judged import Drawn, Judged, judge, judged_once
from adhmr.photograph_loop.page import Report
from adhmr.photograph_loop.pictures import HeldOutPictures
from adhmr.photograph_loop.sub_run import Outcome, align_into, control_inputs
from adhmr.photograph_loop.telling import WITHHELD
from adhmr.photograph_loop.verdict import HEADLINES, verdict
from adhmr.photographs.begun import remember
from adhmr.photographs.given import GivenPictures
from adhmr.photographs.told import list_skipped
from adhmr.training_job import marks_of
from dpo.watch import steps_from
from hmr.estimator import name_of
from hmr.files import is_first_process, locked, new_folder, read_json, write_atomically, write_json
from hmr.photographs.folder import Skipped
from hmr.training.run import check_marks

if TYPE_CHECKING:
    from adhmr.commands.align import Control, Options

_RUN_FILE = "run.json"


def run_loop(inputs: AlignInputs, options: Options) -> int:
    """Returns the exit code. Raises ValueError for a folder with anything but this run in it."""
    held = inputs.held
    assert held is not None
    _require_another_scorer(inputs.judges)
    human = _human_marks(options, held)
    unfinished = _folder(options.out) / "unfinished"
    with locked(unfinished):
        _go_on_as_it_began(unfinished, options, inputs)
        folders = {"aligned": unfinished / "aligned"}
        outcomes = {"aligned": align_into(folders["aligned"], inputs, options)}
        for control in _controls(options, outcomes["aligned"]):
            tell(f"control: the same run on {control} pairs")
            folders[control] = options.out / "controls" / control
            on_others = replace(options, judge=control, control=None, controls="none")
            others, as_long = control_inputs(inputs, options, control), steps_from(outcomes["aligned"].step)
            outcomes[control] = align_into(folders[control], others, on_others, as_long)
        if not is_first_process():
            return 0
        tell("judging the held-out people")
        judged = _judged(inputs, held, options, folders)
        skipped = [*inputs.skipped, *([] if human is None else human.skipped)]
        told = _Told(inputs, held, options, human, skipped)
        _write_report(told, Comparison.of(judged, held, inputs.body, human), folders, outcomes)
        list_skipped(skipped, options.out)
        _publish(folders["aligned"], options.out)
    shutil.rmtree(unfinished)
    tell(f"the weights are those after {outcomes['aligned'].step} steps; checkpoint and report.html in {options.out}")
    return exit_code(len(skipped), options.strict)


def _require_another_scorer(judges: Judges) -> None:
    """Raises ValueError where the held-out scorer is the one that makes the pairs."""
    if len({folder.resolve() for folder in judges.folders}) < len(judges.folders):
        raise ValueError(
            f"--held_out_scorer {judges.folders[-1].name}: is the scorer that makes the pairs, which cannot judge them as "
            "well; give another one, or leave it out"
        )


def _controls(options: Options, aligned: Outcome) -> tuple[Control, ...]:
    """They take their weights after as many steps as the run itself does; where that took the base's own there are none."""
    if aligned.step == 0 and options.controls_to_run:
        tell("no control: the base's own weights were the best that were seen")
    return options.controls_to_run if aligned.step else ()


def _folder(out: Path) -> Path:
    """New, or of a run that was stopped. Raises ValueError for any other."""
    unfinished = out / "unfinished"
    just_begun = unfinished.is_dir() and [p.name for p in unfinished.iterdir()] in ([], [".lock"])
    return out if just_begun or (unfinished / _RUN_FILE).exists() else new_folder(out)


def _go_on_as_it_began(unfinished: Path, options: Options, inputs: AlignInputs) -> None:
    """Raises ValueError for the folder of a run with other options or other pictures."""
    marks = {"seed": str(options.seed), **marks_of(options, inputs.paths)}
    path = unfinished / _RUN_FILE
    if path.exists():
        check_marks(path, read_json(path), marks)
    write_json(path, marks)
    assert inputs.held is not None
    of_all = inputs.given.photograph_of | inputs.held.photograph_of
    remember(unfinished, replace(inputs.given, photograph_of=of_all))


def _human_marks(options: Options, held: GivenPictures) -> HumanMarks | None:
    if options.human_keypoints is None:
        return None
    assert options.images is not None
    human = HumanMarks.of(options.human_keypoints, held, options.images)
    tell(
        f"humans marked {human.people} people of the held-out photographs; {human.matched} of ours are the nearest to one"
    )
    return human


def _judged(inputs: AlignInputs, held: GivenPictures, options: Options, folders: dict[str, Path]) -> dict[str, Judged]:
    """Candidates are drawn with other noise than that by which the weights were chosen."""
    seed, count = options.seed + 1, options.align.candidates

    def by(folder: Path) -> Callable[[], Judged]:
        drawn = Drawn(count, seed, name_of(folder), options.told)
        return lambda: judge(
            load_estimator(folder, options.offline, tell).to(options.device), held, inputs.judges, drawn
        )

    every = {"base": estimator_folder(options.generator), **folders}
    return {who: judged_once(options.out / "judged" / who, held, by(folder)) for who, folder in every.items()}


@dataclass(frozen=True)
class _Told:
    """What the report tells of beside the figures."""

    inputs: AlignInputs
    held: GivenPictures
    options: Options
    human: HumanMarks | None
    skipped: list[Skipped]

    def facts(self, controls: list[str]) -> dict[str, str]:
        """What was run, in words."""
        options, inputs, fit = self.options, self.inputs, self.options.align.fit
        train, held = (len(set(given.photograph_of.values())) for given in (inputs.given, self.held))
        out = {
            "photographs": f"{len(inputs.given.names)} in {options.images}, {train + held} with people",
            "aligned on": f"{len(inputs.views)} people of {train} photographs",
            "held out": f"{len(self.held.views)} people of {held} photographs (--held_out {options.held_out:g})",
            "generator": options.generator,
            "pairs": self._pairs(),
            "controls": ", ".join(f"{c} pairs" for c in controls) or "none",
            "budget": f"{fit.steps} steps of {fit.batch_size} pairs, {options.align.candidates} candidates a person",
            "seed": f"{options.seed} (candidates that are judged: {options.seed + 1})",
        }
        if options.told != "all":
            less = "nothing" if options.told == "nothing" else f"all but {WITHHELD} keypoints of each person"
            out["told"] = f"the generator: {less}; the scorer: all keypoints"
        if self.human is not None:
            out["humans' keypoints"] = (
                f"{self.human.people} people marked in the held-out photographs, {self.human.matched} matched by nearest box"
            )
        return out

    def _pairs(self) -> str:
        if self.options.pairs is not None:
            return f"made before ({self.options.pairs})"
        judges = self.inputs.judges
        by = f"scorer {judges.folders[0].name}" if judges.name == "scorer" else judges.name
        return f"by {by}, fresh every {self.options.align.refresh_every} steps"


def _write_report(told: _Told, comparison: Comparison, folders: dict[str, Path], outcomes: dict[str, Outcome]) -> None:
    options, rows = told.options, comparison.rows()
    said = verdict(rows, outcomes["aligned"].step)
    facts = told.facts(comparison.controls)
    write_json(
        options.out / "report.json",
        {
            "verdict": asdict(said), "run": facts, "figures": as_json(rows), "skipped": len(told.skipped),
            "outcomes": {who: asdict(outcome) for who, outcome in outcomes.items()},
            "held_out": sorted(set(told.held.photograph_of.values())),
        },
    )  # fmt: skip
    assert options.images is not None
    pictures = HeldOutPictures(told.held, options.images, body_of(options.body_model, options.body_model_type, 6900))
    report = Report(facts, comparison, rows, said, folders, outcomes, pictures, told.human, told.skipped)
    with write_atomically(options.out / "report.html") as partial:
        partial.write_text(report.html(options.examples), encoding="utf-8")
    tell(f"{HEADLINES[said.word]}. {' '.join(said.sentences)}")


def _publish(aligned: Path, out: Path) -> None:
    """The run's own checkpoint becomes the folder's; copied, so that stopping here loses nothing."""
    for path in sorted(p for p in aligned.rglob("*") if p.is_file() and not p.name.startswith(".")):
        with write_atomically(out / path.relative_to(aligned)) as partial:
            shutil.copyfile(path, partial)
