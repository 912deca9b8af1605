"""Align a generator as a command asks for: who judges, which pairs, who watches."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adhmr.judging import Judges, JudgesAsked, tell
from adhmr.loading import estimator_folder
from adhmr.photograph_loop.held_out import Parts
from adhmr.photograph_loop.telling import as_told
from adhmr.photographs.begun import begun_pictures
from adhmr.photographs.given import GivenPictures, Networks, given_pictures, require_photographs
from adhmr.picture_options import PictureOptions
from adhmr.progress import StageProgress, console
from adhmr.told_labels import told
from adhmr.training_job import TrainingJob
from diffusion_hmr.protocol import PictureGenerator, load_generator
from dpo.align import AlignData, PairMaker, Replay, align
from dpo.guards import Checkup, margin_too_large
from dpo.judges import fixed_pairs, pair_maker
from dpo.pairs import load_pairs, require_made_for, require_state_kind, without
from dpo.watch import CHECKUPS_FILE, StoppedByGuardError, Validation, Watcher, badness, load_checkups
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
    watched = options.validation is not None or options.holds_out
    if on_policy and options.pairs is not None and not watched:
        raise ValueError("give either --pairs (pairs made before), or --scorer or --judge (on-policy pairs)")
    if not 0 <= options.held_out < 1:
        raise ValueError(f"--held_out: expected a share from 0 to below 1, got {options.held_out:g}")
    if not watched and (options.held_out_scorer is not None or options.control is not None):
        raise ValueError("--held_out_scorer and --control say something of --validation pictures; give those too")
    _check_judging(options)


def _check_judging(options: Options) -> None:
    """Raises ValueError for what is asked of held-out photographs where there are none, or cannot be said of them."""
    controls = options.controls_to_run
    if not options.holds_out and (controls or options.human_keypoints is not None):
        raise ValueError(
            "--controls and --human_keypoints are about held-out photographs: give --images and --held_out above 0, without "
            "--validation"
        )
    if controls and options.pairs is not None:
        raise ValueError("--controls draw candidates of their own as the run goes; with --pairs give --controls none")
    if options.judge is not None and options.judge in controls:
        raise ValueError(f"--controls {options.judge}: the run itself is on {options.judge} pairs (--judge)")
    human, told_of = options.human_keypoints, options.keypoints
    if human is not None and told_of is not None and human.resolve() == told_of.resolve():
        raise ValueError(
            "--human_keypoints and --keypoints are the same file: what the generator is told cannot judge it as well"
        )
    if options.examples < 0:
        raise ValueError(f"--examples: expected 0 or more, got {options.examples}")


@dataclass(frozen=True)
class AlignInputs:
    """What a run reads.

    Attributes:
        given: the pictures to align on.
        data: their conditions, and what is replayed beside them.
        held: the held-out part of the photographs, or None; ``validation`` is of it then.
        skipped: of photographs.
        paths: of all files and folders.
    """

    generator: PictureGenerator[Any]
    body: SkinnedBody
    judges: Judges
    given: GivenPictures
    data: AlignData
    pairs: PairMaker
    validation: Validation | None
    held: GivenPictures | None
    skipped: list[Skipped]
    paths: list[Path]

    @property
    def views(self) -> Views:
        return self.given.views

    @classmethod
    def load(cls, options: Options, body: SkinnedBody) -> AlignInputs:
        """Raises ValueError for pictures of another size, or pairs that were made for something else."""
        if not (options.out / "unfinished").exists():  # one that goes on has its people cut out
            require_photographs(options)
        folder, generator = base_generator(options, body)
        judges = Judges.load(_judges_asked(options).with_usual(generator, options), body, options.device)
        seen = _Seen(options, generator, judges)
        given, held = seen.parts()
        generator.check_size(given.views)
        conditions = seen.conditions(given.views)
        if options.pairs is not None:
            pairs = load_pairs(options.pairs)
            require_made_for(pairs, name_of(folder), given.views.size, body.family)
            require_state_kind(pairs, generator.state_kind)
            maker = fixed_pairs(pairs if held is None else without(pairs, held.views.key), given.views.key)
        else:
            maker = pair_maker(given.views, conditions, judges.of(given), body, options.align, judges.name)
        validation, shown = seen.validation(body) if held is None else (seen.watched_on(held, body), None)
        data = AlignData(given.views.key, conditions, seen.replay(body))
        read = (options.pairs, options.replay, shown, *judges.folders)
        paths = [folder, given.folder, *(path for path in read if path is not None)]
        return cls(generator, body, judges, given, data, maker, validation, held, given.skipped, paths)


def _judges_asked(options: Options) -> JudgesAsked:
    """Where pairs are given and nothing is watched nobody judges."""
    judged = options.pairs is None or options.validation is not None or options.holds_out
    name = options.judge if judged or options.scorer is not None else "consensus"
    config = options.align
    return JudgesAsked(
        name, options.scorer, options.held_out_scorer, config.diversity, options.offline, config.error
    )  # fmt: skip


def base_generator(options: Options, body: SkinnedBody) -> tuple[Path, PictureGenerator[Any]]:
    """Its folder, and what is in it. Raises ValueError when it is of another body."""
    folder = estimator_folder(options.generator)
    generator = load_generator(folder, options.offline, tell).to(options.device)
    check_body("generator", generator.config.body, body)
    if options.told != "all" and not generator.is_prompted:
        raise ValueError(f"--told {options.told}: the generator {folder.name} is never told keypoints; leave it out")
    return folder, generator


@dataclass(frozen=True)
class _Seen:
    """Pictures of a run, as its networks see them."""

    options: Options
    generator: PictureGenerator[Any]
    judges: Judges

    @property
    def crops(self) -> Path:
        return self.options.crops_folder(self.options.out)

    @property
    def networks(self) -> Networks:
        return Networks(self.generator, self.judges.scorers, self.options.device)

    def pictures(self, options: PictureOptions) -> GivenPictures:
        return given_pictures(options, self.networks, self.crops, console.print)

    def parts(self) -> tuple[GivenPictures, GivenPictures | None]:
        """What to align on, and what is held out. A run that was stopped goes on with the photographs that it began with."""
        options = self.options
        if not options.holds_out:
            return self.pictures(options), None
        assert options.images is not None
        began = begun_pictures(options.out / "unfinished", options.images, self.networks, tell)
        parts = Parts.of(self.pictures(options) if began is None else began, options.held_out)
        tell(parts.told())
        return parts.train, parts.held

    def conditions(self, views: Views) -> PictureRows:
        """Of photographs they are always kept on disk, so that memory does not grow with their number."""
        beside = self.crops / "features" if self.options.images is not None else None
        shown, folder = as_told(views, self.options.told), self.options.features or beside
        with StageProgress({"features": 0.1 * len(views)}) as progress:
            return stored_conditions(self.generator.branch, shown, folder, progress.of("features"))

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
        return self.watched_on(replace(given, views=views), body), given.folder

    def watched_on(self, given: GivenPictures, body: SkinnedBody) -> Validation:
        options, judges = self.options, self.judges
        return Validation(
            given.views, self.conditions(given.views), body, judges.of(given), judges.held_out_of(given),
            options.align.candidates, options.seed,
        )  # fmt: skip

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


def align_and_watch(
    inputs: AlignInputs, options: Options, job: TrainingJob, badness: Callable[[Checkup], float] = badness
) -> Aligned:
    """Finetune ``inputs.generator`` in place. With validation it ends with the best weights that were seen, those of the least
    ``badness``."""
    if inputs.validation is None:
        return _align_unwatched(inputs, options, job)
    control = load_checkups(options.control) if options.control is not None else []
    stopped, watched = None, (inputs.generator, inputs.validation, options.guards, job.unfinished, control)
    watcher = Watcher(*watched, badness)
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
