"""Train a generator for photographs that is told keypoints, and looks at pictures through BlazePose, which learnt from those.
It begins with a generator that is told keypoints alone, and learns from people of the synthetic world in any pose, rendered and
looked at; and from more without pictures. Without BlazePose's weights it goes by keypoints."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from adhmr.option_types import Log
from adhmr.world.people_config import PeopleConfig
from diffusion_hmr.config import GeneratorConfig, PromptedTraining
from hmr.networks.config import BlocksConfig, LitBranchConfig
from hmr.training.config import FitConfig, LitMarks


def _lit() -> GeneratorConfig:
    blocks = BlocksConfig(width=96, depth=3, heads=3, ffn=192)
    return GeneratorConfig(size=256, lit=LitBranchConfig(dropout=0.25), denoiser=blocks, temperature=1.15)


def _training() -> PromptedTraining:
    return PromptedTraining(
        branch=FitConfig(steps=5000, batch_size=128, lr=7e-4, ema_decay=0.998, weight_decay=0.05),
        denoiser=FitConfig(steps=1500, batch_size=64, lr=1e-3, ema_decay=0.998),
        people=200_000,
    )


@dataclass(frozen=True)
class Options:
    """
    Args:
        out: the checkpoint's folder
        start: the generator that it begins with: photo (it comes with the package), a folder, or a name on the Hub
        motion: .npz files of motion capture (AMASS', or ``pose`` (n, 24, 3) in a world with y up)
        people: their poses and cameras
        seen: people whose pictures it learns from
        branch_share: of those, that its branch learns from; its denoiser learns from the others
        marks: which marks people are shown with, and of whom nothing is said, or seen
        generator: the architecture
        training: steps, batch sizes and learning rates; ``people`` are those without pictures, as many in a batch as seen ones
        weights: folder of BlazePose's weights; without it they are fetched to where they are kept
        offline: fetch nothing
        seed: everything random follows from it
        device: cpu or cuda
        log: where curves go; files are always written
    """

    out: Path
    start: str = "photo"
    motion: list[Path] = field(default_factory=list)
    people: PeopleConfig = field(default_factory=lambda: PeopleConfig(any_rotation=0.2))
    seen: int = 16_384
    branch_share: float = 0.75
    marks: LitMarks = field(default_factory=lambda: LitMarks(nothing=0.2))
    generator: GeneratorConfig = field(default_factory=_lit)
    training: PromptedTraining = field(default_factory=_training)
    weights: Path | None = None
    offline: bool = False
    seed: int = 0
    device: str = "cpu"
    log: Log = "files"


def run(options: Options) -> None:
    from dataclasses import replace

    from adhmr.lit.making import SEEN_PER_SECOND, Making
    from adhmr.lit.people import PictureMaker
    from adhmr.loading import estimator_folder
    from adhmr.progress import console
    from adhmr.training_job import training_job
    from diffusion_hmr import Generator
    from diffusion_hmr.train_prompted import ToldPeople, train_prompted
    from hmr.detection.eyes import Eyes
    from hmr.formats.motion.captured import read_motions
    from hmr.free_body import free_body
    from hmr.training.lit_people import WithUnseen
    from hmr.training.train_branch import split_rows

    config, training, body = options.generator, options.training, free_body(1200)
    if config.lit is None:
        raise ValueError("generator.lit: expected the sizes of a branch that looks, got none")
    folder = estimator_folder(options.start)
    start = Generator.from_pretrained(folder)
    eyes = Eyes.load(options.weights, options.offline, console.print)
    motion = read_motions(options.motion)
    making = Making(PictureMaker(options.people, body, motion, config.size), eyes)
    costs = {
        "people seen": options.seen / SEEN_PER_SECOND, "branch": training.branch.steps / 4.0,
        "denoiser": training.denoiser.steps / 2.0,
    }  # fmt: skip
    with training_job("train-photo-generator", options, costs, [folder, *options.motion]) as job:
        _, seen = making.seen(job, "people seen", options.seen, 3 * options.seed + 700)
        seen = replace(seen, marks=options.marks)
        unseen = making.unseen(training.people, 3 * options.seed + 900)
        of_branch, of_denoiser = split_rows(options.seen, options.branch_share, options.seed)
        learnt = ToldPeople(WithUnseen(seen[of_branch], unseen), WithUnseen(seen[of_denoiser], unseen), body.family)
        generator = train_prompted(config, training, learnt, job.run, start)
        generator.save_pretrained(options.out)
    console.print(
        f"trained on {options.seen} people who are seen and {training.people} others; checkpoint in {options.out}"
    )
