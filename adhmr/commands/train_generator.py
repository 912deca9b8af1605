"""Train the diffusion generator on labelled pictures (folders made by `adhmr synth`, or in its format): the image
branch, then the denoiser on its frozen features. An interrupted run continues where it was when the same command is
given again."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path

from adhmr.tracking import Log
from diffusion_hmr.config import GeneratorConfig, GeneratorTraining


@dataclass(frozen=True)
class Options:
    """
    Args:
        data: folders with pictures.npy and labels.npz; exact and pseudo-labels may be mixed
        out: the checkpoint's folder
        start_from: checkpoint folder of a generator to go on from, in stages; ``generator`` is then its architecture
        generator: the architecture
        training: steps, batch sizes and learning rates
        seed: everything random follows from it
        device: cpu or cuda
        log: where curves go; files are always written
    """

    data: list[Path]
    out: Path
    start_from: Path | None = None
    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    training: GeneratorTraining = field(default_factory=GeneratorTraining)
    seed: int = 0
    device: str = "cpu"
    log: Log = "files"


def run(options: Options) -> None:
    import shutil

    import torch

    from adhmr.progress import StageProgress, console
    from adhmr.tracking import Tracker
    from adhmr.training_progress import training_report
    from diffusion_hmr import Generator
    from diffusion_hmr.train import train_generator
    from hmr.files import checkpoint_folder, write_provenance
    from hmr.free_body import free_body
    from hmr.samples import Samples, load_samples

    samples = Samples.cat([load_samples(folder) for folder in options.data])
    if "none" in samples.label_kind:
        raise ValueError(f"{options.data}: a generator is trained on labels, but some pictures have none")
    first = Generator.from_pretrained(options.start_from) if options.start_from is not None else None
    architecture = options.generator if first is None else first.config
    checkpoint_folder(options.out)
    tracker = Tracker(options.out / "curves", options.log)
    costs = {"branch": float(options.training.branch.steps), "denoiser": 0.4 * options.training.denoiser.steps}
    with StageProgress(costs) as progress:
        generator, _, _ = train_generator(
            architecture, options.training, samples, free_body(1200), options.seed,
            (training_report(progress, tracker, "branch"), training_report(progress, tracker, "denoiser")),
            torch.device(options.device), options.out / "unfinished", first,
        )  # fmt: skip
    tracker.close()
    generator.save_pretrained(options.out)
    write_provenance(options.out, "train-generator", asdict(options), options.seed, options.data)
    shutil.rmtree(options.out / "unfinished", ignore_errors=True)
    console.print(f"trained on {len(samples)} pictures; checkpoint in {options.out}")
