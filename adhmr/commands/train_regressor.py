"""Train a deterministic regressor of bodies with hands and face (folders made by `adhmr synth --hands`, or in its format): first
where joints, hands and face are, then everything. An interrupted run continues where it was when the same command is given
again."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from adhmr.option_types import Log
from regressors.config import ExpressiveConfig, ExpressiveTraining

HELD_BACK = 0.95
"""Share of the pictures that is learnt from; the others are looked at."""


@dataclass(frozen=True)
class Options:
    """
    Args:
        data: folders with pictures.npy and labels.npz, of bodies with hands or (then nothing is learnt of hands) without; exact
            and pseudo-labels may be mixed
        out: the checkpoint's folder
        regressor: the architecture; without ``between`` it is the OSX-like baseline, with it CoEvoer
        training: steps, batch sizes and learning rates
        body_model: your SMPL-X file, or the folder it is in, for labels that are its parameters; without it the free body
        seed: everything random follows from it
        device: cpu or cuda
        log: where curves go; files are always written
    """

    data: list[Path]
    out: Path
    regressor: ExpressiveConfig = field(default_factory=ExpressiveConfig)
    training: ExpressiveTraining = field(default_factory=ExpressiveTraining)
    body_model: Path | None = None
    seed: int = 0
    device: str = "cpu"
    log: Log = "files"


def run(options: Options) -> None:
    from dataclasses import replace

    from PIL import Image

    from adhmr.loading import body_with_hands_of
    from adhmr.progress import console
    from adhmr.report.expressive import expressive_sheet
    from adhmr.training_job import training_job
    from hmr.files import write_atomically
    from hmr.part_metrics import expressive_errors_mm, known_means
    from hmr.samples import Samples, load_samples
    from hmr.training.train_branch import split_rows
    from hmr.views import check_crop_size
    from regressors.train_expressive import train_in_stages

    body = body_with_hands_of(options.body_model)
    samples = Samples.cat([load_samples(folder).with_smplx_joints() for folder in options.data])
    check_crop_size("configuration", options.regressor.size, samples.size)
    training, held_out = (samples[rows] for rows in split_rows(len(samples), HELD_BACK, options.seed))
    costs = {"places": float(options.training.places.steps), "bodies": 1.6 * options.training.bodies.steps}
    with training_job("train-regressor", options, costs, options.data) as job:
        regressor = train_in_stages(options.regressor, options.training, training, body, job.run)
        regressor.save_pretrained(options.out)
    predicted = regressor.predict(held_out, body)[0]
    held_out = replace(held_out, label=held_out.label.where_missing_at_rest())
    with write_atomically(options.out / "held-out.png") as partial:
        Image.fromarray(expressive_sheet(held_out[:12], predicted[:12], body)).save(partial)
    errors = known_means(expressive_errors_mm(predicted, held_out.label, body), held_out.known_parts())
    console.print(
        f"trained on {len(training)} pictures; on {len(held_out)} held out, against their labels where known, in mm:"
    )
    console.print(", ".join(f"{name} {mm:.1f}" for name, mm in errors.items()), highlight=False)
    console.print(f"checkpoint in {options.out}; look at {options.out / 'held-out.png'}")
