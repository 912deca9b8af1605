"""Align a generator as a command asks for: who judges, which pairs, who watches."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adhmr.judging import UNJUDGED, Judges
from adhmr.loading import estimator_folder
from adhmr.photographs.given import GivenPictures, Networks, given_pictures
from adhmr.picture_options import PictureOptions
from adhmr.progress import console
from adhmr.told_labels import told
from adhmr.training_job import TrainingJob
from diffusion_hmr.protocol import PictureGenerator, load_generator
from dpo.align import AlignData, PairMaker, Replay, align
from dpo.guards import Checkup, margin_too_large
from dpo.judges import fixed_pairs, pair_maker
from dpo.pairs import load_pairs, require_made_for, require_state_kind
from dpo.watch import CHECKUPS_FILE, StoppedByGuardError, Validation, Watcher, load_checkups
from hmr.body import check_body
from hmr.estimator import name_of
from hmr.networks.conditions import PictureRows
from hmr.networks.stored_conditions import stored_conditions
from hmr.photographs.folder import Skipped
from hmr.samples import Samples, check_labels, labels_file, load_samples, load_views_or_samples
from hmr.skinned_body import SkinnedBody
from hmr.training.run import Report, TrainingRun
from hmr.views import Views

if TYPE_CHECKING:
    from adhmr.commands.align import Options


def check_options(options: Options) -> None:
    """Raises ValueError for options that contradict each other."""
    options.check()
    if options.judge == "scorer" and options.scorer is None:
        raise ValueError("--judge scorer needs --scorer FOLDER; or give --judge random or consensus, or --pairs")
    on_policy = options.scorer is not None or options.judge is not None
    if on_policy and options.pairs is not None and options.validation is None:
        raise ValueError("give either --pairs (pairs made before), or --scorer or --judge (on-policy pairs)")
    if options.validation is None and (options.held_out_scorer is not None or options.control is not None):
        raise ValueError("--held_out_scorer and --control say something of --validation pictures; give those too")


@dataclass(frozen=True)
class AlignInputs:
    """What a run reads. data: conditions of the unlabelled views, and what is replayed beside them. skipped: of photographs."""

    generator: PictureGenerator[Any]
    views: Views
    data: AlignData
    pairs: PairMaker
    validation: Validation | None
    skipped: list[Skipped]
    paths: list[Path]

    @classmethod
    def load(cls, options: Options, body: SkinnedBody) -> AlignInputs:
        """Raises ValueError for pictures of another size, or pairs that were made for something else."""
        folder = estimator_folder(options.generator)
        generator = load_generator(folder).to(options.device)
        check_body("generator", generator.config.body, body)
        scorers = (options.scorer, options.held_out_scorer)
        judges = Judges.load(options.judge, scorers, body, options.align.diversity, options.device)
        seen = _Seen(options, generator, judges)
        given = seen.pictures(options)
        generator.check_size(given.views)
        conditions = seen.conditions(given.views)
        if options.pairs is not None:
            pairs = load_pairs(options.pairs)
            require_made_for(pairs, name_of(folder), given.views.size, body.family)
            require_state_kind(pairs, generator.state_kind)
            maker = fixed_pairs(pairs, given.views.key)
        else:
            if options.judge is None and options.scorer is None:
                console.print(UNJUDGED, highlight=False)
            maker = pair_maker(given.views, conditions, judges.of(given), body, options.align, judges.name)
        validation, shown = seen.validation(body)
        data = AlignData(given.views.key, conditions, seen.replay(body))
        read = (options.scorer, options.pairs, options.replay, shown, options.held_out_scorer)
        paths = [folder, given.folder, *(path for path in read if path is not None)]
        return cls(generator, given.views, data, maker, validation, given.skipped, paths)


@dataclass(frozen=True)
class _Seen:
    """Pictures of a run, as its networks see them."""

    options: Options
    generator: PictureGenerator[Any]
    judges: Judges

    @property
    def crops(self) -> Path:
        return self.options.crops_folder(self.options.out)

    def pictures(self, options: PictureOptions) -> GivenPictures:
        networks = Networks(self.generator, self.judges.scorers, self.options.device)
        return given_pictures(options, networks, self.crops, console.print)

    def conditions(self, views: Views) -> PictureRows:
        """Of photographs they are always kept on disk, so that memory does not grow with their number."""
        beside = self.crops / "features" if self.options.images is not None else None
        return stored_conditions(self.generator.branch, views, self.options.features or beside)

    def validation(self, body: SkinnedBody) -> tuple[Validation | None, Path | None]:
        """And the folder of its crops. Raises ValueError for pictures of another size."""
        options, path = self.options, self.options.validation
        if path is None:
            return None, None
        ours = labels_file(path).exists()
        if ours:
            given = GivenPictures(path, load_views_or_samples(path))
        else:
            given = self.pictures(replace(options, data=None, images=path))
        views = given.views
        if isinstance(views, Samples):
            check_labels(views, body)
            views = told(views, self.generator, body, options.seed)
        self.generator.check_size(views)
        judge, held_out = self.judges.of(given), self.judges.held_out_of(given)
        conditions = self.conditions(views)
        return Validation(
            views, conditions, body, judge, held_out, options.align.candidates, options.seed
        ), given.folder

    def replay(self, body: SkinnedBody) -> Replay | None:
        if self.options.replay is None:
            return None
        labelled = load_samples(self.options.replay).with_smpl_joints()
        check_labels(labelled, body)
        self.generator.check_size(labelled)
        labelled = told(labelled, self.generator, body, self.options.seed)
        states = self.generator.states_of(labelled.label.reshape_batch(len(labelled), 1), labelled.K, body)[:, 0]
        return Replay(self.conditions(labelled), states)


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
    if inputs.validation is None:
        return _align_unwatched(inputs, options, job)
    control = load_checkups(options.control) if options.control is not None else []
    watcher, stopped = Watcher(inputs.generator, inputs.validation, options.guards, job.unfinished, control), None
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
