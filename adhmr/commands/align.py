"""Finetune a generator by Diffusion-DPO on pictures without labels. With --scorer, fresh candidates are drawn, ranked
and paired as the run goes (on-policy); with --pairs, pairs made by `adhmr pairs` are used as they are. With --validation the run
is watched, stops by itself when it goes wrong, and ends with the best weights that were seen."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from adhmr.tracking import Log
from dpo.config import AlignConfig, GuardConfig

if TYPE_CHECKING:
    from diffusion_hmr import Generator
    from dpo.align import PairMaker
    from dpo.judges import Judge
    from dpo.watch import Watcher
    from hmr.networks.image_branch import Conditions
    from hmr.samples import Samples
    from hmr.smpl_layout import LayoutBody


@dataclass(frozen=True)
class Options:
    """
    Args:
        generator: folder of the base generator's checkpoint
        data: folder with the unlabelled pictures
        out: the aligned checkpoint's folder; every command takes it as it takes the base
        scorer: folder of a scorer checkpoint (on-policy pairs)
        pairs: folder of parquet shards (offline pairs); give this or --scorer
        replay: folder of exactly labelled pictures to keep the generator where it was right
        validation: folder of other pictures to watch the run on; with labels its energy score and mean sample count, without
            them the spread and the reward
        held_out_scorer: another scorer, which does not train, to see whether the first is being exploited
        control: folder of a finished run on consensus pairs with the same validation, that this one must beat
        judge: who says which candidate is better: the scorer, or one of the controls random and consensus (without a scorer)
        align: the loss, beta, candidates, refresh, replay weight, steps and learning rate
        guards: how often to look, and when to stop
        seed: everything random follows from it
        device: cpu or cuda
        log: where curves go; files are always written
    """

    generator: Path
    data: Path
    out: Path
    scorer: Path | None = None
    pairs: Path | None = None
    replay: Path | None = None
    validation: Path | None = None
    held_out_scorer: Path | None = None
    control: Path | None = None
    judge: Literal["scorer", "random", "consensus"] = "scorer"
    align: AlignConfig = field(default_factory=AlignConfig)
    guards: GuardConfig = field(default_factory=GuardConfig)
    seed: int = 0
    device: str = "cpu"
    log: Log = "files"


def run(options: Options) -> None:
    import shutil

    from adhmr.progress import StageProgress, console
    from adhmr.tracking import Tracker
    from adhmr.training_progress import training_report
    from diffusion_hmr import Generator
    from dpo.align import Replay, align
    from dpo.watch import CHECKUPS_FILE, StoppedByGuardError
    from hmr.files import checkpoint_folder, write_provenance
    from hmr.free_body import free_body
    from hmr.networks.branch_loss import Targets
    from hmr.networks.image_branch import conditions_of
    from hmr.samples import load_samples

    _check(options)
    generator = Generator.from_pretrained(options.generator).to(options.device)
    body, samples = free_body(1200), load_samples(options.data)
    generator.check_size(samples)
    conditions = conditions_of(generator.branch, samples)
    judge = _judge(options, body)
    maker = _maker(options, judge, samples, conditions, body)
    replay = None
    if options.replay is not None:
        labelled = load_samples(options.replay)
        replay = Replay(conditions_of(generator.branch, labelled), Targets.of(labelled, body).state)
    unfinished = checkpoint_folder(options.out) / "unfinished"
    watcher = None if options.validation is None else _watcher(options, generator, judge, body, unfinished)
    tracker, stopped = Tracker(options.out / "curves", options.log), None
    with StageProgress({"align": 1.0}) as progress:
        report = training_report(progress, tracker, "align")

        def seen(step: int, steps: int, values: dict[str, float]) -> None:
            if watcher is not None:
                watcher.saw(values)
            report(step, steps, values)

        try:
            align(
                generator, conditions, samples.key, maker, options.align, options.seed, seen, replay, unfinished,
                watch=None if watcher is None else watcher.before_step,
            )  # fmt: skip
        except StoppedByGuardError as guard:
            stopped = str(guard)
    tracker.close()
    if watcher is not None:
        if stopped is None:
            watcher.look(options.align.fit.steps)
        best = watcher.take_best()
        shutil.copyfile(unfinished / CHECKUPS_FILE, options.out / CHECKUPS_FILE)
        console.print(stopped or "no guard stopped the run", highlight=False)
        console.print(
            f"the weights are the best that were seen, after {best.step} steps; all checkups are in {CHECKUPS_FILE}"
        )
    generator.save_pretrained(options.out)
    given = (options.scorer, options.pairs, options.replay, options.validation, options.held_out_scorer)
    inputs = [options.generator, options.data, *(path for path in given if path is not None)]
    write_provenance(options.out, "align", {**asdict(options), "stopped": stopped}, options.seed, inputs)
    shutil.rmtree(unfinished, ignore_errors=True)
    console.print(f"aligned on {len(samples)} pictures; checkpoint in {options.out}")


def _check(options: Options) -> None:
    """Raises ValueError for options that contradict each other."""
    on_policy = options.scorer is not None or options.judge != "scorer"
    if not on_policy and options.pairs is None:
        raise ValueError("give --scorer (on-policy pairs), --pairs (pairs made before), or --judge random or consensus")
    if on_policy and options.pairs is not None and options.validation is None:
        raise ValueError("give either --pairs (pairs made before), or --scorer or --judge (on-policy pairs)")
    if options.validation is None and (options.held_out_scorer is not None or options.control is not None):
        raise ValueError("--held_out_scorer and --control say something of --validation pictures; give those too")


def _judge(options: Options, body: LayoutBody) -> Judge:
    """Who ranks candidates; with offline pairs and no scorer the crowd, for checkups only."""
    from dpo.judges import consensus_judge, random_judge

    if options.judge == "random":
        return random_judge()
    if options.judge == "consensus" or options.scorer is None:
        return consensus_judge(body)
    return _scorer_judge(options, options.scorer, body)


def _scorer_judge(options: Options, folder: Path, body: LayoutBody) -> Judge:
    from dpo.judges import scorer_judge
    from scorer import Scorer

    return scorer_judge(Scorer.from_pretrained(folder).to(options.device), body, options.align.diversity)


def _maker(options: Options, judge: Judge, samples: Samples, conditions: Conditions, body: LayoutBody) -> PairMaker:
    from dpo.judges import fixed_pairs, pair_maker
    from dpo.pairs import load_pairs, require_made_for
    from hmr.estimator import name_of

    if options.pairs is not None:
        pairs = load_pairs(options.pairs)
        require_made_for(pairs, name_of(options.generator), samples.size, body.name)
        return fixed_pairs(pairs, samples.key)
    return pair_maker(samples, conditions, judge, body, options.align, options.judge)


def _watcher(options: Options, generator: Generator, judge: Judge, body: LayoutBody, folder: Path) -> Watcher:
    from dpo.watch import Validation, Watcher, load_checkups
    from hmr.networks.image_branch import conditions_of
    from hmr.samples import load_samples

    assert options.validation is not None
    pictures = load_samples(options.validation)
    held_out = None if options.held_out_scorer is None else _scorer_judge(options, options.held_out_scorer, body)
    conditions = conditions_of(generator.branch, pictures)
    validation = Validation(pictures, conditions, body, judge, held_out, options.align.candidates, options.seed)
    control = load_checkups(options.control) if options.control is not None else []
    return Watcher(generator, validation, options.guards, folder, control)
