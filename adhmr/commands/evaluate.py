"""Compare generators and regressors on labelled pictures: every figure with its 95 % interval and n, and the paired change
against the first. Writes metrics.json."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from adhmr.option_types import BodyModelType
from adhmr.picture_options import LabelledPictureOptions


@dataclass(frozen=True)
class Options:
    """
    Args:
        generators: folders of checkpoints of generators and regressors; the first is what the others are compared with
        scorer: folder of a scorer checkpoint, for the selected figures
        out: an empty folder to write
        data: folder with exactly labelled crops, with hands or without; a generator that is told keypoints is told what a
            detector would mark of the labels
        labels: or exact labels of photographs: a HumanData, 4D-Humans or CameraHMR .npz, or a folder of such files
        images: folder of the photographs of ``labels``
        crops: folder where the people of photographs are kept, cut out once; without it ``crops`` beside --out
        candidates: M, hypotheses for each picture
        body_model: file (or folder) of the SMPL-family model that the labels are of; without it the free body
        body_model_type: auto (what the file is), smpl, smplh or smplx
        seed: of the sampling
        device: cpu or cuda
        strict: exit with 2 when labels of photographs were skipped, instead of with 3
    """

    generators: list[Path]
    scorer: Path
    out: Path
    data: Path | None = None
    labels: Path | None = None
    images: Path | None = None
    crops: Path | None = None
    candidates: int = 10
    body_model: Path | None = None
    body_model_type: BodyModelType = "auto"
    seed: int = 0
    device: str = "cpu"
    strict: bool = False

    @property
    def pictures(self) -> LabelledPictureOptions:
        """Raises ValueError for crops and photographs together."""
        if self.data is not None and self.images is not None:
            raise ValueError(
                "give --data (labelled crops), or --labels and --images (labelled photographs), one of the two"
            )
        data = [] if self.data is None else [self.data]
        return LabelledPictureOptions(
            data=data, labels=self.labels, images=self.images, label_kind="mocap", crops=self.crops
        )  # fmt: skip


def run(options: Options) -> int:
    from rich.table import Table

    from adhmr.evaluation import PROTOCOL, Sampling, compare, evaluate
    from adhmr.exit_code import exit_code
    from adhmr.figures import show
    from adhmr.loading import body_of, load_estimator
    from adhmr.photographs.cut import CropKind
    from adhmr.photographs.labelled import labelled_folders
    from adhmr.photographs.told import list_skipped
    from adhmr.progress import console
    from adhmr.told_labels import told
    from hmr.estimator import name_of
    from hmr.files import new_folder, write_json, write_provenance
    from hmr.samples import check_labels, load_all_samples
    from scorer.protocol import load_scorer

    if not options.generators:
        raise ValueError("give --generators: at least one checkpoint to evaluate")
    names = [folder.resolve().name for folder in options.generators]
    if len(set(names)) < len(names):
        names = [str(folder) for folder in options.generators]
    body = body_of(options.body_model, options.body_model_type)
    pictures = options.pictures
    pictures.check()
    scorer = load_scorer(options.scorer).to(options.device)
    loaded = [(folder, load_estimator(folder).to(options.device)) for folder in options.generators]
    first = loaded[0][1]
    kind = CropKind(first.crop_size, first.crop_enlarge)
    labelled = labelled_folders(pictures, kind, body, options.out, console.print)
    samples = load_all_samples(labelled.folders).with_smpl_joints()
    check_labels(samples, body)
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
        out, "evaluate", asdict(options), options.seed, [*options.generators, *labelled.folders, options.scorer]
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
    list_skipped(labelled.skipped, out)
    return exit_code(len(labelled.skipped), options.strict)
