"""Train a deterministic regressor of bodies with hands and face (folders made by `adhmr synth --hands`, or in its format): first
where joints, hands and face are, then everything. An interrupted run continues where it was when the same command is given
again."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from adhmr.option_types import BodyModelType, Log
from adhmr.picture_options import LabelledPictureOptions
from regressors.config import ExpressiveConfig, ExpressiveTraining

HELD_BACK = 0.95
"""Share of the pictures that is learnt from; the others are looked at."""


@dataclass(frozen=True, kw_only=True)
class Options(LabelledPictureOptions):
    """
    Args:
        out: the checkpoint's folder
        regressor: the architecture; without ``between`` it is the OSX-like baseline, with it CoEvoer
        training: steps, batch sizes and learning rates
        body_model: your SMPL-X file, or the folder it is in, for labels that are its parameters; without it the free body
        body_model_type: auto or smplx: hands and face need SMPL-X
        seed: everything random follows from it
        device: cpu or cuda
        log: where curves go; files are always written
        strict: exit with 2 when labels of photographs were skipped, instead of with 3
    """

    out: Path
    regressor: ExpressiveConfig = field(default_factory=ExpressiveConfig)
    training: ExpressiveTraining = field(default_factory=ExpressiveTraining)
    body_model: Path | None = None
    body_model_type: BodyModelType = "auto"
    seed: int = 0
    device: str = "cpu"
    log: Log = "files"
    strict: bool = False


def run(options: Options) -> int:
    from dataclasses import replace

    from PIL import Image

    from adhmr.exit_code import exit_code
    from adhmr.loading import body_with_hands_of
    from adhmr.photographs.cut import CropKind
    from adhmr.photographs.labelled import labelled_folders
    from adhmr.photographs.told import list_skipped
    from adhmr.progress import console
    from adhmr.report.expressive import expressive_sheet
    from adhmr.training_job import training_job
    from hmr.files import write_atomically
    from hmr.part_metrics import expressive_errors_mm, known_means
    from hmr.samples import Samples, check_labels, load_samples
    from hmr.training.train_branch import split_rows
    from hmr.views import check_crop_size
    from regressors.train_expressive import train_in_stages

    options.check()
    body = body_with_hands_of(options.body_model, options.body_model_type)
    kind = CropKind(options.regressor.size, options.regressor.enlarge)
    labelled = labelled_folders(options, kind, body.smpl, options.out, console.print)
    samples = Samples.cat([load_samples(folder).with_smplx_joints() for folder in labelled.folders])
    check_labels(samples, body)
    check_crop_size("configuration", options.regressor.size, samples.size)
    training, held_out = (samples[rows] for rows in split_rows(len(samples), HELD_BACK, options.seed))
    costs = {"places": float(options.training.places.steps), "bodies": 1.6 * options.training.bodies.steps}
    with training_job("train-regressor", options, costs, labelled.folders) as job:
        regressor = train_in_stages(options.regressor, options.training, training, body, job.run)
        list_skipped(labelled.skipped, options.out)
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
    return exit_code(len(labelled.skipped), options.strict)
