"""Align a generator as a command asks for: who judges, which pairs, who watches."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from adhmr.training_job import TrainingJob
from diffusion_hmr import Generator
from dpo.align import AlignData, PairMaker, Replay, align
from dpo.guards import Checkup, margin_too_large
from dpo.judges import Judge, consensus_judge, fixed_pairs, pair_maker, random_judge, scorer_judge
from dpo.pairs import load_pairs, require_made_for
from dpo.watch import CHECKUPS_FILE, StoppedByGuardError, Validation, Watcher, load_checkups
from hmr.body import BodyModel, check_body
from hmr.estimator import name_of
from hmr.networks.branch_loss import Targets
from hmr.networks.stored_conditions import stored_conditions
from hmr.samples import load_samples, load_views
from hmr.training.run import Report, TrainingRun
from hmr.views import Views
from scorer import Scorer

if TYPE_CHECKING:
    from adhmr.commands.align import Options


def check_options(options: Options) -> None:
    """Raises ValueError for options that contradict each other."""
    on_policy = options.scorer is not None or options.judge != "scorer"
    if not on_policy and options.pairs is None:
        raise ValueError("give --scorer (on-policy pairs), --pairs (pairs made before), or --judge random or consensus")
    if on_policy and options.pairs is not None and options.validation is None:
        raise ValueError("give either --pairs (pairs made before), or --scorer or --judge (on-policy pairs)")
    if options.validation is None and (options.held_out_scorer is not None or options.control is not None):
        raise ValueError("--held_out_scorer and --control say something of --validation pictures; give those too")


@dataclass(frozen=True)
class AlignInputs:
    """What a run reads. data: conditions of the unlabelled views, and what is replayed beside them."""

    generator: Generator
    views: Views
    data: AlignData
    judge: Judge
    pairs: PairMaker
    body: BodyModel
    paths: list[Path]

    @classmethod
    def load(cls, options: Options, body: BodyModel) -> AlignInputs:
        """Raises ValueError for pictures of another size, or pairs that were made for something else."""
        generator = Generator.from_pretrained(options.generator).to(options.device)
        check_body("generator", generator.config.body, body)
        views = load_views(options.data)
        generator.check_size(views)
        conditions = stored_conditions(generator.branch, views, options.features)
        judge, replay = _judge(options, body), None
        if options.pairs is not None:
            pairs = load_pairs(options.pairs)
            require_made_for(pairs, name_of(options.generator), views.size, body.family)
            maker = fixed_pairs(pairs, views.key)
        else:
            maker = pair_maker(views, conditions, judge, body, options.align, options.judge)
        if options.replay is not None:
            labelled = load_samples(options.replay)
            replay = Replay(
                stored_conditions(generator.branch, labelled, options.features), Targets.of(labelled, body).state
            )
        given = (options.scorer, options.pairs, options.replay, options.validation, options.held_out_scorer)
        paths = [options.generator, options.data, *(path for path in given if path is not None)]
        return cls(generator, views, AlignData(views.key, conditions, replay), judge, maker, body, paths)


def _judge(options: Options, body: BodyModel) -> Judge:
    """Who ranks candidates; with offline pairs and no scorer the crowd, for checkups only."""
    if options.judge == "random":
        return random_judge()
    if options.judge == "consensus" or options.scorer is None:
        return consensus_judge(body)
    return _scorer_judge(options, options.scorer, body)


def _scorer_judge(options: Options, folder: Path, body: BodyModel) -> Judge:
    return scorer_judge(Scorer.from_pretrained(folder).to(options.device), body, options.align.diversity)


def _watcher(inputs: AlignInputs, options: Options, folder: Path) -> Watcher:
    assert options.validation is not None
    pictures = load_views_or_samples(options.validation)
    held_out = None
    if options.held_out_scorer is not None:
        held_out = _scorer_judge(options, options.held_out_scorer, inputs.body)
    conditions = stored_conditions(inputs.generator.branch, pictures, options.features)
    validation = Validation(
        pictures, conditions, inputs.body, inputs.judge, held_out, options.align.candidates, options.seed
    )
    control = load_checkups(options.control) if options.control is not None else []
    return Watcher(inputs.generator, validation, options.guards, folder, control)


def load_views_or_samples(folder: Path) -> Views:
    """With labels where all pictures have one."""
    try:
        return load_samples(folder)
    except ValueError:
        return load_views(folder)


def _seen_by(saw: Callable[[int, dict[str, float]], None], run: TrainingRun) -> TrainingRun:
    """The same run, with someone else who hears of every step."""

    def reports(stage: str) -> Report:
        report = run.reports(stage)

        def seen(step: int, steps: int, values: dict[str, float]) -> None:
            saw(step, values)
            report(step, steps, values)

        return seen

    return replace(run, reports=reports)


@dataclass(frozen=True)
class Aligned:
    """How a run went. stopped: why a guard stopped it. best: the checkup of the weights that were taken, with validation.
    warning: what its margins say, without."""

    stopped: str | None = None
    best: Checkup | None = None
    warning: str | None = None


def _align_unwatched(inputs: AlignInputs, options: Options, job: TrainingJob) -> Aligned:
    margins: dict[int, float] = {}
    run = _seen_by(lambda step, values: margins.update({step: values["rewards/margins"]}), job.run).named("align")
    align(inputs.generator, inputs.data, inputs.pairs, options.align, run)
    last = [margin for step, margin in margins.items() if step > options.align.fit.steps - options.guards.check_every]
    return Aligned(warning=margin_too_large(sum(last) / len(last), options.guards) if last else None)


def align_and_watch(inputs: AlignInputs, options: Options, job: TrainingJob) -> Aligned:
    """Finetune ``inputs.generator`` in place. With validation it ends with the best weights that were seen."""
    if options.validation is None:
        return _align_unwatched(inputs, options, job)
    watcher, stopped = _watcher(inputs, options, job.unfinished), None
    run = _seen_by(lambda step, values: watcher.saw(values), job.run).named("align")
    try:
        align(inputs.generator, inputs.data, inputs.pairs, options.align, run, watcher.before_step)
    except StoppedByGuardError as guard:
        stopped = str(guard)
    if stopped is None:
        watcher.look(options.align.fit.steps)
    best = watcher.take_best()
    shutil.copyfile(job.unfinished / CHECKUPS_FILE, job.out / CHECKUPS_FILE)
    return Aligned(stopped, best)
