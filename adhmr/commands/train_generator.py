"""Train the diffusion generator on labelled pictures (folders made by `adhmr synth`, or in its format): the image
branch, then the denoiser on its frozen features. An interrupted run continues where it was when the same command is
given again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from adhmr.option_types import BodyModelType, Log
from adhmr.picture_options import LabelledPictureOptions
from diffusion_hmr.config import GeneratorConfig, GeneratorTraining


@dataclass(frozen=True, kw_only=True)
class Options(LabelledPictureOptions):
    """
    Args:
        out: the checkpoint's folder
        start_from: checkpoint folder of a generator to go on from, in stages; ``generator`` is then its architecture
        generator: the architecture
        training: steps, batch sizes and learning rates
        body_model: file (or folder) of the SMPL-family model that the labels are of; without it the free body
        body_model_type: auto (what the file is), smpl, smplh or smplx
        features: folder where the frozen branch's features of pictures are kept, for sets that are larger than memory and for the
            next run on them; without it they are held in memory
        seed: everything random follows from it
        device: cpu or cuda
        log: where curves go; files are always written
        strict: exit with 2 when labels of photographs were skipped, instead of with 3
    """

    out: Path
    start_from: Path | None = None
    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    training: GeneratorTraining = field(default_factory=GeneratorTraining)
    body_model: Path | None = None
    body_model_type: BodyModelType = "auto"
    features: Path | None = None
    seed: int = 0
    device: str = "cpu"
    log: Log = "files"
    strict: bool = False


def run(options: Options) -> int:
    from adhmr.exit_code import exit_code
    from adhmr.loading import body_of
    from adhmr.photographs.cut import CropKind
    from adhmr.photographs.labelled import labelled_folders
    from adhmr.photographs.told import list_skipped
    from adhmr.progress import console
    from adhmr.training_job import training_job
    from diffusion_hmr import Generator
    from diffusion_hmr.train import train_generator
    from hmr.body import has_betas_of
    from hmr.samples import check_labels, load_all_samples

    options.check()
    body = body_of(options.body_model, options.body_model_type)
    first = Generator.from_pretrained(options.start_from) if options.start_from is not None else None
    architecture = options.generator if first is None else first.config
    kind = CropKind(architecture.size, architecture.enlarge)
    labelled = labelled_folders(options, kind, body, options.out, console.print)
    samples = load_all_samples(labelled.folders)
    check_labels(samples, body)
    if not has_betas_of(body, architecture.body) and first is not None:
        console.print(f"note: goes on from weights of the body '{architecture.body}'; it will be of '{body.family}'")
    costs = {"branch": float(options.training.branch.steps), "denoiser": 0.4 * options.training.denoiser.steps}
    inputs = [*labelled.folders, *([options.start_from] if options.start_from else [])]
    with training_job("train-generator", options, costs, inputs) as job:
        run = replace(job.run, features=options.features)
        generator, _, _ = train_generator(architecture, options.training, samples, body, run, first)
        list_skipped(labelled.skipped, options.out)
        generator.save_pretrained(options.out)
    console.print(f"trained on {len(samples)} pictures; checkpoint in {options.out}")
    return exit_code(len(labelled.skipped), options.strict)
