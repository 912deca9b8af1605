"""Finetune a generator by Diffusion-DPO on pictures without labels: our crops (--data), or the people in photographs (--images).
Fresh candidates are drawn, judged and paired as the run goes (on-policy), by the scorer where --scorer is given, otherwise by how
near they are to each other; with --pairs, pairs made by `adhmr pairs` are used as they are. With --validation the run is watched,
stops by itself when it goes wrong, and ends with the best weights that were seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from adhmr.option_types import BodyModelType, Log
from adhmr.picture_options import CutPictureOptions
from dpo.config import AlignConfig, GuardConfig


@dataclass(frozen=True, kw_only=True)
class Options(CutPictureOptions):
    """
    Args:
        generator: the base: folder of a checkpoint, photo (it comes with the package), or a name on the Hugging Face Hub
        out: the aligned checkpoint's folder; every command takes it as it takes the base
        scorer: folder of a scorer checkpoint (on-policy pairs)
        pairs: folder of parquet shards (offline pairs); give this or --scorer
        replay: folder of exactly labelled pictures to keep the generator where it was right; a generator that is told keypoints
            is told what a detector would mark of the labels
        validation: folder of other pictures to watch the run on, or of photographs (whose people are known from what is said of
            ``images``); with labels its energy score and mean sample count, without them the spread and the reward
        held_out_scorer: another scorer, which does not train, to see whether the first is being exploited
        control: folder of a finished run on consensus pairs with the same validation, that this one must beat
        judge: who says which candidate is better: the scorer, or one of the controls random and consensus (the candidate that is
            nearest to all others); without it the scorer where one is given, else consensus
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

    generator: str
    out: Path
    scorer: Path | None = None
    pairs: Path | None = None
    replay: Path | None = None
    validation: Path | None = None
    held_out_scorer: Path | None = None
    control: Path | None = None
    judge: Literal["scorer", "random", "consensus"] | None = None
    body_model: Path | None = None
    body_model_type: BodyModelType = "auto"
    align: AlignConfig = field(default_factory=AlignConfig)
    guards: GuardConfig = field(default_factory=GuardConfig)
    features: Path | None = None
    seed: int = 0
    device: str = "cpu"
    log: Log = "files"
    strict: bool = False


def run(options: Options) -> int:
    from adhmr.aligning import AlignInputs, align_and_watch, check_options
    from adhmr.exit_code import exit_code
    from adhmr.loading import body_of
    from adhmr.photographs.told import list_skipped
    from adhmr.progress import console
    from adhmr.training_job import training_job

    check_options(options)
    inputs = AlignInputs.load(options, body_of(options.body_model, options.body_model_type))
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
