"""Finetune a generator by Diffusion-DPO on pictures without labels. With --scorer, fresh candidates are drawn, ranked
and paired as the run goes (on-policy); with --pairs, pairs made by `adhmr pairs` are used as they are."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from adhmr.tracking import Log
from dpo.align import AlignConfig


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
        loss: dpo, or sft on the winners (a control)
        align: beta, candidates, refresh, replay weight, steps and learning rate
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
    loss: Literal["dpo", "sft"] = "dpo"
    align: AlignConfig = field(default_factory=AlignConfig)
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
    from dpo.judges import fixed_pairs, pair_maker, scorer_judge
    from dpo.loss import diffusion_dpo_loss, winner_sft_loss
    from dpo.pairs import load_pairs
    from hmr.files import checkpoint_folder, write_provenance
    from hmr.free_body import free_body
    from hmr.networks.image_branch import Targets
    from hmr.networks.train_branch import conditions_of
    from hmr.samples import load_samples
    from scorer import Scorer

    if (options.scorer is None) == (options.pairs is None):
        raise ValueError("give either --scorer (on-policy pairs) or --pairs (pairs made before)")
    generator = Generator.from_pretrained(options.generator).to(options.device)
    body, samples = free_body(1200), load_samples(options.data)
    generator.check_size(samples)
    conditions = conditions_of(generator.branch, samples)
    if options.scorer is not None:
        scorer = Scorer.from_pretrained(options.scorer).to(options.device)
        judge = scorer_judge(scorer, body, options.align.diversity)
        maker = pair_maker(samples, conditions, judge, body, options.align, "scorer")
    else:
        assert options.pairs is not None
        maker = fixed_pairs(load_pairs(options.pairs), samples.key)
    replay = None
    if options.replay is not None:
        labelled = load_samples(options.replay)
        replay = Replay(conditions_of(generator.branch, labelled), Targets.of(labelled, body).state)
    (checkpoint_folder(options.out) / "unfinished").mkdir(exist_ok=True)
    tracker = Tracker(options.out / "curves", options.log)
    with StageProgress({"align": 1.0}) as progress:
        align(
            generator, conditions, samples.key, maker, options.align, options.seed,
            training_report(progress, tracker, "align"), replay,
            winner_sft_loss if options.loss == "sft" else diffusion_dpo_loss, options.out / "unfinished",
        )  # fmt: skip
    tracker.close()
    generator.save_pretrained(options.out)
    inputs = [options.generator, *(p for p in (options.scorer, options.pairs) if p is not None)]
    write_provenance(options.out, "align", asdict(options), options.seed, inputs)
    shutil.rmtree(options.out / "unfinished", ignore_errors=True)
    console.print(f"aligned on {len(samples)} pictures; checkpoint in {options.out}")
