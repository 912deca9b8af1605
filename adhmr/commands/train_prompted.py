"""Train a generator that is told keypoints instead of pictures: on people of the synthetic world in any pose before any camera,
and on motion capture where there is some. No picture is rendered. What ships with the package was trained by this command."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from adhmr.option_types import BodyModelType, Log
from adhmr.world.people_config import PeopleConfig
from diffusion_hmr.config import GeneratorConfig, PromptedTraining
from hmr.networks.config import BlocksConfig, PromptBranchConfig


def _prompted() -> GeneratorConfig:
    return GeneratorConfig(
        size=128, prompts=PromptBranchConfig(), denoiser=BlocksConfig(width=96, depth=3, heads=3, ffn=192)
    )


@dataclass(frozen=True)
class Options:
    """
    Args:
        out: the checkpoint's folder
        motion: .npz files of motion capture (AMASS', or ``pose`` (n, 24, 3) in a world with y up)
        generator: the architecture
        training: steps, batch sizes, learning rates, and the detector's noise
        people: their poses and cameras
        body_model: file (or folder) of the SMPL-family model of the bodies; without it the free body
        body_model_type: auto (what the file is), smpl, smplh or smplx
        seed: everything random follows from it
        device: cpu or cuda
        log: where curves go; files are always written
    """

    out: Path
    motion: list[Path] = field(default_factory=list)
    generator: GeneratorConfig = field(default_factory=_prompted)
    training: PromptedTraining = field(default_factory=PromptedTraining)
    people: PeopleConfig = field(default_factory=PeopleConfig)
    body_model: Path | None = None
    body_model_type: BodyModelType = "auto"
    seed: int = 0
    device: str = "cpu"
    log: Log = "files"


def run(options: Options) -> None:
    from adhmr.loading import body_of
    from adhmr.progress import console
    from adhmr.training_job import training_job
    from adhmr.world.people import make_people
    from diffusion_hmr.train_prompted import ToldPeople, train_prompted
    from hmr.formats.motion.captured import read_motions
    from hmr.training.prompted_people import PromptedPeople

    body, training = body_of(options.body_model, options.body_model_type), options.training
    motion = read_motions(options.motion)
    costs = {"people": training.people / 100, "branch": float(training.branch.steps)}
    costs["denoiser"] = 3.0 * training.denoiser.steps
    with training_job("train-prompted", options, costs, options.motion) as job:
        job.progress.start("people")
        people = make_people(options.people, training.people, options.seed, body, motion)
        job.progress.finish()
        prompted = PromptedPeople.of(people.uv, people.inside, people.K, people.label, body, training.noise)
        generator = train_prompted(options.generator, training, ToldPeople(prompted, prompted, body.family), job.run)
        generator.save_pretrained(options.out)
    console.print(f"trained on {training.people} people; checkpoint in {options.out}")
