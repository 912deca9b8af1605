"""Compare generators and regressors on labelled pictures: every figure with its 95 % interval and n, and the paired change
against the first. Writes metrics.json."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from adhmr.option_types import BodyModelType


@dataclass(frozen=True)
class Options:
    """
    Args:
        generators: folders of checkpoints of generators and regressors; the first is what the others are compared with
        data: folder with exactly labelled pictures, with hands or without; a generator that is told keypoints is told what a
            detector would mark of the labels
        scorer: folder of a scorer checkpoint, for the selected figures
        out: an empty folder to write
        candidates: M, hypotheses for each picture
        body_model: file (or folder) of the SMPL-family model that the labels are of; without it the free body
        body_model_type: auto (what the file is), smpl, smplh or smplx
        seed: of the sampling
        device: cpu or cuda
    """

    generators: list[Path]
    data: Path
    scorer: Path
    out: Path
    candidates: int = 10
    body_model: Path | None = None
    body_model_type: BodyModelType = "auto"
    seed: int = 0
    device: str = "cpu"


def run(options: Options) -> None:
    from rich.table import Table

    from adhmr.evaluation import PROTOCOL, Sampling, compare, evaluate
    from adhmr.figures import show
    from adhmr.loading import body_of, load_estimator
    from adhmr.progress import console
    from adhmr.told_labels import told
    from hmr.estimator import name_of
    from hmr.files import new_folder, write_json, write_provenance
    from hmr.samples import check_labels, load_samples
    from scorer.protocol import load_scorer

    if not options.generators:
        raise ValueError("give --generators: at least one checkpoint to evaluate")
    names = [folder.resolve().name for folder in options.generators]
    if len(set(names)) < len(names):
        names = [str(folder) for folder in options.generators]
    body = body_of(options.body_model, options.body_model_type)
    samples = load_samples(options.data).with_smpl_joints()
    check_labels(samples, body)
    scorer = load_scorer(options.scorer).to(options.device)
    loaded = [(folder, load_estimator(folder).to(options.device)) for folder in options.generators]
    for _, estimator in loaded:
        estimator.check_size(samples)
    out = new_folder(options.out)
    sampling = Sampling(options.candidates, options.seed)
    judged = {
        name: evaluate(
            estimator, told(samples, estimator, body, options.seed), body, scorer, sampling, name_of(folder)
        )[0]
        for name, (folder, estimator) in zip(names, loaded, strict=True)
    }
    metrics = {**compare(judged), "protocol": PROTOCOL}
    write_json(out / "metrics.json", metrics)
    write_provenance(
        out, "evaluate", asdict(options), options.seed, [*options.generators, options.data, options.scorer]
    )
    table = Table(
        title=f"PVE in mm [95 % interval], {len(samples)} pictures, M = {options.candidates}", title_justify="left"
    )
    keys = ["selected_pve_mm", "mean_pve_mm", "min_pve_mm", "zero_noise_pve_mm", "mean_sample_pve_mm", "energy_score_mm",
            "spread_mm"]  # fmt: skip
    for column in ("generator", *(k.removesuffix("_mm").removesuffix("_pve").replace("_", " ") for k in keys)):
        table.add_column(column)
    for name, figures in metrics["generators"].items():
        table.add_row(name, *[show(figures[k], 0) for k in keys])
    console.print(table)
    console.print(PROTOCOL)
