"""Train a deterministic regressor of bodies with hands and face (folders made by `adhmr synth --hands`, or in its format): first
where joints, hands and face are, then everything. An interrupted run continues where it was when the same command is given
again."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from adhmr.tracking import Log
from regressors import ExpressiveConfig
from regressors.config import ExpressiveTraining

HELD_BACK = 0.95
"""Share of the pictures that is learnt from; the others are looked at."""


@dataclass(frozen=True)
class Options:
    """
    Args:
        data: folders with pictures.npy and expressive_labels.npz, or labels.npz, which says nothing of hands; exact and
            pseudo-labels may be mixed
        out: the checkpoint's folder
        regressor: the architecture; without ``between`` it is the OSX-like baseline, with it CoEvoer
        training: steps, batch sizes and learning rates
        smplx: your SMPL-X file, or the folder it is in, for labels that are its parameters; without it the free body
        seed: everything random follows from it
        device: cpu or cuda
        log: where curves go; files are always written
    """

    data: list[Path]
    out: Path
    regressor: ExpressiveConfig = field(default_factory=ExpressiveConfig)
    training: ExpressiveTraining = field(default_factory=ExpressiveTraining)
    smplx: Path | None = None
    seed: int = 0
    device: str = "cpu"
    log: Log = "files"


def run(options: Options) -> None:
    import shutil

    import torch
    from PIL import Image

    from adhmr.progress import StageProgress, console
    from adhmr.report.expressive import expressive_sheet
    from adhmr.tracking import Tracker
    from adhmr.training_progress import training_report
    from hmr.expressive import free_expressive_body
    from hmr.expressive.metrics import expressive_errors_mm, known_means
    from hmr.expressive.samples import ExpressiveSamples, load_expressive_samples
    from hmr.files import checkpoint_folder, write_atomically, write_provenance
    from hmr.samples import check_crop_size
    from hmr.smplx_files import load_expressive_body
    from hmr.training.train_branch import split_rows
    from regressors.train_expressive import train_in_stages

    body = free_expressive_body(2500) if options.smplx is None else load_expressive_body(options.smplx)
    samples = ExpressiveSamples.cat([load_expressive_samples(folder) for folder in options.data])
    check_crop_size("configuration", options.regressor.size, samples.size)
    training, held_out = (samples[rows] for rows in split_rows(len(samples), HELD_BACK, options.seed))
    checkpoint_folder(options.out)
    tracker = Tracker(options.out / "curves", options.log)
    costs = {"places": float(options.training.places.steps), "bodies": 1.6 * options.training.bodies.steps}
    with StageProgress(costs) as progress:
        regressor = train_in_stages(
            options.regressor, options.training, training, body, options.seed,
            (training_report(progress, tracker, "places"), training_report(progress, tracker, "bodies")),
            torch.device(options.device), options.out / "unfinished",
        )  # fmt: skip
    tracker.close()
    regressor.save_pretrained(options.out)
    predicted = regressor.predict(held_out, body)[0]
    held_out = replace(held_out, label=held_out.label.where_missing_at_rest())
    with write_atomically(options.out / "held-out.png") as partial:
        Image.fromarray(expressive_sheet(held_out[:12], predicted[:12], body)).save(partial)
    write_provenance(options.out, "train-regressor", asdict(options), options.seed, options.data)
    shutil.rmtree(options.out / "unfinished", ignore_errors=True)
    errors = known_means(expressive_errors_mm(predicted, held_out.label, body), held_out.part_known)
    console.print(
        f"trained on {len(training)} pictures; on {len(held_out)} held out, against their labels where known, in mm:"
    )
    console.print(", ".join(f"{name} {mm:.1f}" for name, mm in errors.items()), highlight=False)
    console.print(f"checkpoint in {options.out}; look at {options.out / 'held-out.png'}")
