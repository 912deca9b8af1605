"""Finetune a generator by Diffusion-DPO on pictures without labels: the people in photographs (--images), or our crops (--data).
Fresh candidates are drawn, judged and paired as the run goes (on-policy); with --pairs, pairs made by `adhmr pairs` are used as
they are. With --images a part of the photographs is held out: the run is watched on it, stops by itself when it goes wrong, and
ends with the best weights that were seen; a control on random pairs runs after it; report.html says whether it got better.
With --data or --validation FOLDER nothing is held out, and the run is watched on that folder, where one is given. The same
command goes on where it was stopped."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from adhmr.option_types import BodyModelType, Log, Telling
from adhmr.picture_options import CutPictureOptions
from dpo.config import AlignConfig, GuardConfig

#: Pairs that a control is aligned on: chance, and how near candidates are to each other.
Control = Literal["random", "consensus"]


@dataclass(frozen=True, kw_only=True)
class Options(CutPictureOptions):
    """
    Args:
        generator: the base: photo (it comes with the package), folder of a checkpoint, or a name on the Hugging Face Hub
        out: the aligned checkpoint's folder; every command takes it as it takes the base
        scorer: photo (it comes with the package), folder of a scorer checkpoint, or a name on the Hub; without it photo where the
            generator is told keypoints, as predict has it
        pairs: folder of parquet shards (offline pairs); give this or --scorer; those of held-out people are left out
        replay: folder of exactly labelled pictures to keep the generator where it was right; a generator that is told keypoints
            is told what a detector would mark of the labels
        held_out: share of the photographs of ``images`` that are held out, chosen by a hash of their names; 0: none
        validation: folder of other pictures to watch the run on instead of held-out ones, or of photographs (whose people are
            known from what is said of ``images``); with labels its energy score and mean sample count, without them the spread
            and the reward
        held_out_scorer: another scorer, which does not train, to see whether the first is being exploited
        human_keypoints: marks of the held-out people by humans, as --keypoints files are; they judge, nobody else is told them
        controls: run beside this one at the same cost, to see what its pairs are worth: random, consensus, "[random,consensus]"
            or none; without it random where photographs are held out
        control: folder of another finished run on consensus pairs with the same labelled validation, that this one must beat
        judge: who says which candidate is better: the scorer, or random or consensus (the candidate that is nearest to all
            others); without it the scorer where there is one, else consensus
        told: what the generator is told of the people's keypoints, which the scorer is told: all, fewer (three of each person are
            withheld), or nothing, so that it learns to see what they say
        examples: held-out photographs that the report shows
        body_model: file (or folder) of the SMPL-family model that the generator was trained on; without it the free body
        body_model_type: auto (what the file is), smpl, smplh or smplx
        align: the loss, beta, candidates, refresh, replay weight, steps and learning rate
        guards: how often to look, and when to stop
        features: folder where the frozen branch's features of pictures are kept, for sets that are larger than memory and for the
            next run on them; without it those of ``data`` are held in memory, those of ``images`` beside their crops
        seed: everything random follows from it
        device: cpu or cuda
        log: where curves go; files are always written
        strict: exit with 2 when photographs or people were skipped, instead of with 3
    """

    out: Path
    generator: str = "photo"
    scorer: Path | None = None
    pairs: Path | None = None
    replay: Path | None = None
    held_out: float = 0.1
    validation: Path | None = None
    held_out_scorer: Path | None = None
    human_keypoints: Path | None = None
    controls: Literal["none", "random", "consensus"] | list[Control] | None = None
    control: Path | None = None
    judge: Literal["scorer", "random", "consensus"] | None = None
    told: Telling = "all"
    examples: int = 8
    body_model: Path | None = None
    body_model_type: BodyModelType = "auto"
    align: AlignConfig = field(default_factory=AlignConfig)
    guards: GuardConfig = field(default_factory=GuardConfig)
    features: Path | None = None
    seed: int = 0
    device: str = "cpu"
    log: Log = "files"
    strict: bool = False

    @property
    def holds_out(self) -> bool:
        """Whether a part of the photographs is held out, where there are several."""
        return self.images is not None and self.validation is None and self.held_out > 0

    @property
    def controls_to_run(self) -> tuple[Control, ...]:
        """A control on the pairs that the run itself is on would be the run."""
        if self.controls is None:
            return ("random",) if self.holds_out and self.pairs is None and self.judge != "random" else ()
        given = [self.controls] if isinstance(self.controls, str) else self.controls
        return tuple(control for control in get_args(Control) if control in given)


def run(options: Options) -> int:
    from adhmr.aligning import AlignInputs, align_and_watch, check_options
    from adhmr.exit_code import exit_code
    from adhmr.loading import body_of
    from adhmr.photographs.begun import require_no_other_run
    from adhmr.photographs.told import list_skipped
    from adhmr.progress import console
    from adhmr.training_job import training_job

    check_options(options)
    inputs = AlignInputs.load(options, body_of(options.body_model, options.body_model_type))
    if inputs.held is not None:
        from adhmr.photograph_loop.run import run_loop

        return run_loop(inputs, options)
    require_no_other_run(options.out)
    with training_job("align", options, {"align": 1.0}, inputs.paths) as job:
        aligned = align_and_watch(inputs, options, job)
        list_skipped(inputs.skipped, options.out)
        inputs.generator.save_pretrained(options.out)
    if aligned.best is not None:
        console.print(aligned.stopped or "no guard stopped the run", highlight=False)
        console.print(
            f"the weights are the best that were seen, after {aligned.best.step} steps; all checkups are in checkups.json"
        )
    if aligned.warning is not None:
        console.print(f"warning: {aligned.warning}; with --validation such a run is stopped", highlight=False)
    console.print(f"aligned on {len(inputs.views)} pictures; checkpoint in {options.out}")
    return exit_code(len(inputs.skipped), options.strict)
