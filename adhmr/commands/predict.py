"""Propose and rank bodies for the people in photographs: `adhmr predict photo.jpg`. For each photograph: ranked parameters
(.npz), the body of each person (.glb, .obj), an overlay (.png), and what else --export names; predictions.csv lists all,
skipped.csv what could not be done and why. For a folder of crops (--data) it writes candidates.npz, which rank, pairs and
train-scorer take; no scorer is needed for that."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path

from adhmr.export.kinds import DEFAULT_EXPORTS, checked_exports
from adhmr.option_types import BodyModelType, EstimateKind
from adhmr.picture_options import PictureOptions

#: `adhmr predict photo.jpg` is `adhmr predict --images photo.jpg`.
POSITIONAL = ("images",)
#: Of the package's weights.
PACKAGED_GENERATOR = "photo"
UNJUDGED = "note: no --scorer, so candidates are ranked by how near they are to each other; their expected errors are not known."
STRANGER = (
    "note: this generator was trained on pictures of the synthetic world only; on photographs its bodies are rough guesses. "
    "Train it on photographs with labels to get good ones."
)


@dataclass(frozen=True, kw_only=True)
class Options(PictureOptions):
    """
    Args:
        generator: photo (it comes with the package), a folder of a checkpoint, or a name on the Hugging Face Hub; of a
            generator's, or a regressor's, which gives one body for each person
        out: an empty folder to write; without it one beside you, named after ``images``
        scorer: folder of a scorer checkpoint; without it candidates are ranked by how near they are to each other
        fit: whether bodies of people with keypoints are moved to where those are
        candidates: bodies for each person
        estimate: the body that is drawn and exported as a mesh: the best by score, or the mean of all candidates on SO(3),
            weighted by score, whose error is lower on average
        export: what is written of photographs: any of npz, png, obj, glb, ply, skinned_glb, bvh, smpl, human_data
            (docs/exports.md)
        body_model: file (or folder) of the SMPL-family model that the generator was trained on; without it the free body
        body_model_type: auto (what the file is), smpl, smplh or smplx
        people_at_once: people of several photographs that go through the networks together
        seed: of the sampling
        device: cpu or cuda
        strict: exit with 2 when anything was skipped, instead of with 3
    """

    generator: str = PACKAGED_GENERATOR
    out: Path | None = None
    scorer: Path | None = None
    fit: bool = True
    candidates: int = 10
    estimate: EstimateKind = "best"
    export: list[str] = field(default_factory=lambda: list(DEFAULT_EXPORTS))
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
    checked_exports(options.export, of_own_model=options.body_model is not None)
    options.check()
    if options.data is not None:
        return of_crops(options, options.data)
    assert options.images is not None
    return of_photographs(options, options.images)


def out_folder(options: Options, given: Path) -> Path:
    """``--out``, or a folder here that is named after what is given."""
    return options.out if options.out is not None else Path(f"{given.resolve().stem}-bodies")


def of_crops(options: Options, data: Path) -> int:
    """Candidates of all crops of a folder, in one file."""
    from adhmr.loading import body_of, estimator_folder, load_estimator
    from adhmr.progress import StageProgress, console
    from hmr.estimator import name_of
    from hmr.files import new_folder, write_provenance
    from hmr.hypotheses import Hypotheses, save_hypotheses
    from hmr.samples import load_views

    folder = estimator_folder(options.generator)
    estimator = load_estimator(folder).to(options.device)
    views, body = load_views(data), body_of(options.body_model, options.body_model_type)
    estimator.check_size(views)
    source = name_of(folder)
    parts: list[Hypotheses] = []
    with StageProgress({"candidates": 1.0}) as progress:
        progress.start("candidates")
        for start in range(0, len(views), 256):
            rows = slice(start, start + 256)
            parts.append(estimator.propose(views[rows], body, options.candidates, options.seed + start, source))
            progress.at(min(start + 256, len(views)) / len(views))
        progress.finish()
    out, candidates = new_folder(out_folder(options, data)), Hypotheses.cat(parts)
    save_hypotheses(out / "candidates.npz", candidates, views)
    write_provenance(out, "predict", asdict(options), options.seed, [folder, data])
    console.print(f"{candidates.count} candidates for each of {len(views)} pictures in {out / 'candidates.npz'}")
    return 0


def of_photographs(options: Options, images: Path) -> int:
    """Ranked bodies of the people in photographs, as files."""
    from adhmr.loading import body_of, estimator_folder, load_estimator
    from adhmr.photographs.people_source import people_source
    from adhmr.photographs.told import told_of
    from adhmr.photographs.write import predict_into
    from adhmr.predicting import PredictConfig, Predictor
    from adhmr.progress import StageProgress, console
    from diffusion_hmr import Generator
    from hmr.estimator import name_of
    from hmr.files import new_folder, write_provenance
    from hmr.photographs.folder import Photographs
    from scorer.medoid import MedoidScorer
    from scorer.protocol import load_scorer

    photographs, folder = Photographs.at(images).require_some(), estimator_folder(options.generator)
    estimator = load_estimator(folder).to(options.device)
    body = body_of(options.body_model, options.body_model_type, level=6900)
    config = PredictConfig(
        options.candidates, options.estimate, options.seed, name_of(folder), options.people_at_once, options.fit
    )
    judge = MedoidScorer(estimator.crop_size, estimator.crop_enlarge)
    scorer = load_scorer(options.scorer).to(options.device) if options.scorer is not None else judge
    prompted = isinstance(estimator, Generator) and estimator.is_prompted
    people = people_source(options, photographs, prompted, options.device, console.print)
    out = new_folder(out_folder(options, images))
    with StageProgress({"photographs": float(len(photographs.names))}) as progress:
        progress.start("photographs")
        predictor = Predictor(estimator, scorer, body, config)
        written = predict_into(out, photographs, people, predictor, options.focal_px, progress.at, options.export)
        progress.finish()
    write_provenance(
        out, "predict", asdict(options), options.seed, [folder, *([options.scorer] if options.scorer else [])]
    )
    where = f"{out}/*.png" if "png" in options.export else str(out)
    code = told_of(written, len(photographs.names), out, where, options.strict)
    if options.scorer is None:
        console.print(UNJUDGED)
    if isinstance(estimator, Generator) and not prompted and estimator.config.body.startswith("free-body"):
        console.print(STRANGER)
    return code
