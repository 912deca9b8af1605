"""Propose and rank bodies for the people in photographs. For each photograph: ranked parameters (.npz), the body of
each person (.glb, .obj), an overlay (.png), and what else --export names; predictions.csv lists all, skipped.csv what could
not be done and why. For a folder of crops (--data) it writes candidates.npz, which rank, pairs and train-scorer take; no
scorer is needed for that."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path

from adhmr.export.kinds import DEFAULT_EXPORTS, checked_exports
from adhmr.option_types import BodyModelType, EstimateKind

STRANGER = (
    "note: this generator was trained on pictures of the synthetic world only; on photographs its bodies are rough guesses. "
    "Train it on photographs with labels to get good ones."
)


@dataclass(frozen=True)
class Options:
    """
    Args:
        generator: folder of a checkpoint: a generator's, or a regressor's, which gives one body for each person
        out: an empty folder to write
        images: a photograph or a folder of them, with its subfolders
        data: folder with pictures.npy and labels, with hands or without (labels are not looked at); give this or ``images``
        scorer: folder of a scorer checkpoint, for photographs
        boxes: COCO json with person boxes; without it one person is assumed to fill each photograph
        candidates: bodies for each person
        estimate: the body that is drawn and exported as a mesh: the best by score, or the mean of all candidates on SO(3),
            weighted by score, whose error is lower on average
        export: what is written of photographs: any of npz, png, obj, glb, ply, skinned_glb, bvh, smpl, human_data
            (docs/exports.md)
        focal_px: focal length of the photographs in pixels; without it the diagonal is assumed
        body_model: file (or folder) of the SMPL-family model that the generator was trained on; without it the free body
        body_model_type: auto (what the file is), smpl, smplh or smplx
        people_at_once: people of several photographs that go through the networks together
        seed: of the sampling
        device: cpu or cuda
        strict: exit with 2 when anything was skipped, instead of with 3
    """

    generator: Path
    out: Path
    images: Path | None = None
    data: Path | None = None
    scorer: Path | None = None
    boxes: Path | None = None
    candidates: int = 10
    estimate: EstimateKind = "best"
    export: list[str] = field(default_factory=lambda: list(DEFAULT_EXPORTS))
    focal_px: float | None = None
    body_model: Path | None = None
    body_model_type: BodyModelType = "auto"
    people_at_once: int = 64
    seed: int = 0
    device: str = "cpu"
    strict: bool = False


def run(options: Options) -> int:
    if options.candidates < 1 or options.people_at_once < 1:
        raise ValueError(
            f"expected at least one of --candidates and --people_at_once, got {options.candidates} and {options.people_at_once}"
        )
    if options.focal_px is not None and not 0 < options.focal_px < float("inf"):
        raise ValueError(f"expected a focal length above 0 px, got {options.focal_px}")
    checked_exports(options.export, of_own_model=options.body_model is not None)
    if (options.images is None) == (options.data is None):
        raise ValueError("give --images (photographs) or --data (our crops), one of the two")
    if options.data is not None:
        return of_crops(options, options.data)
    assert options.images is not None
    if options.scorer is None:
        raise ValueError("give --scorer: the bodies of people in photographs are ranked")
    return of_photographs(options, options.images, options.scorer)


def of_crops(options: Options, data: Path) -> int:
    """Candidates of all crops of a folder, in one file."""
    from adhmr.loading import body_of, load_estimator
    from adhmr.progress import StageProgress, console
    from hmr.estimator import name_of
    from hmr.files import new_folder, write_provenance
    from hmr.hypotheses import Hypotheses, save_hypotheses
    from hmr.samples import load_views

    estimator = load_estimator(options.generator).to(options.device)
    views, body = load_views(data), body_of(options.body_model, options.body_model_type)
    estimator.check_size(views)
    source = name_of(options.generator)
    parts: list[Hypotheses] = []
    with StageProgress({"candidates": 1.0}) as progress:
        progress.start("candidates")
        for start in range(0, len(views), 256):
            rows = slice(start, start + 256)
            parts.append(estimator.propose(views[rows], body, options.candidates, options.seed + start, source))
            progress.at(min(start + 256, len(views)) / len(views))
        progress.finish()
    out, candidates = new_folder(options.out), Hypotheses.cat(parts)
    save_hypotheses(out / "candidates.npz", candidates, views)
    write_provenance(out, "predict", asdict(options), options.seed, [options.generator, data])
    console.print(f"{candidates.count} candidates for each of {len(views)} pictures in {out / 'candidates.npz'}")
    return 0


def of_photographs(options: Options, images: Path, scorer_folder: Path) -> int:
    """Ranked bodies of the people in photographs, as files."""
    import pyarrow as pa

    from adhmr.exit_code import exit_code
    from adhmr.loading import body_of, load_estimator
    from adhmr.photographs.write import Written, predict_into
    from adhmr.predicting import PredictConfig, Predictor
    from adhmr.progress import StageProgress, console
    from adhmr.tables import write_table
    from diffusion_hmr import Generator
    from hmr.estimator import name_of
    from hmr.files import new_folder, write_provenance
    from hmr.photographs.folder import Photographs
    from hmr.photographs.people import read_people
    from scorer.protocol import load_scorer

    photographs = Photographs.at(images).require_some()
    people = read_people(options.boxes, photographs) if options.boxes is not None else None
    estimator = load_estimator(options.generator).to(options.device)
    body = body_of(options.body_model, options.body_model_type, level=6900)
    config = PredictConfig(
        options.candidates, options.estimate, options.seed, name_of(options.generator), options.people_at_once
    )
    predictor = Predictor(estimator, load_scorer(scorer_folder).to(options.device), body, config)
    out, written = new_folder(options.out), Written([], [])
    with StageProgress({"photographs": float(len(photographs.names))}) as progress:
        progress.start("photographs")
        written = predict_into(out, photographs, people, predictor, options.focal_px, progress.at, options.export)
        progress.finish()
    if written.rows:
        write_table(out, "predictions", pa.Table.from_pylist(written.rows))
    if written.skipped:
        write_table(out, "skipped", pa.Table.from_pylist([asdict(s) for s in written.skipped]))
        for s in written.skipped[:20]:
            console.print(f"skipped {s.what}: {s.reason}", highlight=False)
        if len(written.skipped) > 20:
            console.print(f"… and {len(written.skipped) - 20} more, see {out / 'skipped.csv'}", highlight=False)
    write_provenance(out, "predict", asdict(options), options.seed, [options.generator, scorer_folder])
    if not written.rows:
        raise ValueError(
            f"nothing could be predicted: all {len(written.skipped)} items were skipped, see {out / 'skipped.csv'}"
        )
    count = len({row["key"] for row in written.rows})
    where = f"{out}/*.png" if "png" in options.export else out
    console.print(
        f"{count} people in {len(photographs.names)} photographs, {len(written.skipped)} skipped; look at {where}"
    )
    if isinstance(estimator, Generator) and estimator.config.body.startswith("free-body"):
        console.print(STRANGER)
    return exit_code(len(written.skipped), options.strict)
