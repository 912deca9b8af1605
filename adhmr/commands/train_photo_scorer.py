"""Train a scorer for photographs: it is told keypoints as the generator is, and sees the picture through BlazePose, which learnt
from photographs. What it learns from is made here: people of the synthetic world in any pose, rendered, looked at, and the
generator's candidates for them. What ships with the package was trained by this command."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from adhmr.option_types import Log
from adhmr.world.people_config import PeopleConfig
from hmr.networks.config import BlocksConfig, LitBranchConfig
from hmr.training.config import FitConfig
from scorer.config import ScorerConfig, ScorerTraining


def _lit() -> ScorerConfig:
    blocks = BlocksConfig(width=96, depth=2, heads=3, ffn=192)
    return ScorerConfig(size=256, lit=LitBranchConfig(), blocks=blocks)


def _training() -> ScorerTraining:
    return ScorerTraining(
        branch=FitConfig(steps=3000, batch_size=128, lr=1e-3, ema_decay=0.998, weight_decay=0.05),
        ranking=FitConfig(steps=1200, batch_size=32, lr=1e-3, weight_decay=0.02),
    )


@dataclass(frozen=True)
class Options:
    """
    Args:
        out: the checkpoint's folder
        generator: whose candidates it learns to judge: photo (it comes with the package), a folder, or a name on the Hub
        motion: .npz files of motion capture (AMASS', or ``pose`` (n, 24, 3) in a world with y up)
        people: their poses and cameras
        seen: people whose pictures its branch learns from
        unseen: people without pictures that it learns from beside them
        judged: other people, whose candidates it learns to rank
        held_out: others still, by which scores are calibrated to millimetres
        candidates: bodies for each of them
        scorer: the architecture
        training: steps, batch sizes and learning rates
        weights: folder of BlazePose's weights; without it they are fetched to where they are kept
        offline: fetch nothing
        seed: everything random follows from it
        device: cpu or cuda
        log: where curves go; files are always written
    """

    out: Path
    generator: str = "photo"
    motion: list[Path] = field(default_factory=list)
    people: PeopleConfig = field(default_factory=lambda: PeopleConfig(any_rotation=0.2))
    seen: int = 12288
    unseen: int = 100_000
    judged: int = 4096
    held_out: int = 512
    candidates: int = 10
    scorer: ScorerConfig = field(default_factory=_lit)
    training: ScorerTraining = field(default_factory=_training)
    weights: Path | None = None
    offline: bool = False
    seed: int = 0
    device: str = "cpu"
    log: Log = "files"


def run(options: Options) -> None:
    import torch

    from adhmr.lit.candidates import judged_people
    from adhmr.lit.making import SEEN_PER_SECOND, Making
    from adhmr.lit.people import PictureMaker
    from adhmr.loading import estimator_folder
    from adhmr.progress import console
    from adhmr.training_job import training_job
    from diffusion_hmr import Generator
    from hmr.detection.eyes import Eyes
    from hmr.formats.motion.captured import read_motions
    from hmr.free_body import free_body
    from hmr.networks.lit_branch import LitBranch
    from hmr.training.lit_people import WithUnseen
    from scorer.train_lit import calibrate_lit, train_lit_scorer

    folder = estimator_folder(options.generator)
    generator, body = Generator.from_pretrained(folder), free_body(1200)
    if not generator.is_prompted:
        raise ValueError(f"--generator {options.generator}: expected a generator that is told keypoints")
    eyes = Eyes.load(options.weights, options.offline, console.print)
    motion = read_motions(options.motion)
    making = Making(PictureMaker(options.people, body, motion, options.scorer.size), eyes)
    others = options.judged + options.held_out
    costs = {
        "people seen": options.seen / SEEN_PER_SECOND, "people judged": others / SEEN_PER_SECOND, "candidates": others / 12,
        "branch": options.training.branch.steps / 4, "ranking": options.training.ranking.steps / 3,
    }  # fmt: skip
    with training_job("train-photo-scorer", options, costs, [folder, *options.motion]) as job:
        _, seen = making.seen(job, "people seen", options.seen, 3 * options.seed + 100)
        people, lit = making.seen(job, "people judged", others, 3 * options.seed + 300)
        job.progress.start("candidates")
        every = judged_people(people, lit, generator, body, options.candidates, options.seed, job.progress.at)
        job.progress.finish()
        ranked, held_out = every[torch.arange(options.judged)], every[torch.arange(options.judged, others)]
        branch = generator.branch
        lifting = (branch.prompts if isinstance(branch, LitBranch) else branch).state_dict()
        unseen = making.unseen(options.unseen, 3 * options.seed + 500)
        both = WithUnseen(seen, unseen)
        scorer = train_lit_scorer(options.scorer, options.training, both, ranked, lifting, job.run)
        calibrate_lit(scorer, held_out).save_pretrained(options.out)
    console.print(f"trained on {options.seen} and {options.judged} people; checkpoint in {options.out}")
