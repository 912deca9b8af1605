"""Propose and rank bodies for the people in photographs. For each photograph: ranked parameters (.npz), the body of
each person (.glb, .obj) and an overlay (.png); predictions.csv lists all, skipped.csv what could not be done and why. For a
folder of crops (--data) it writes candidates.npz, which rank, pairs and train-scorer take; no scorer is needed for that."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

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
        images: a photograph or a folder of them
        data: folder with pictures.npy and labels, with hands or without (labels are not looked at); give this or ``images``
        scorer: folder of a scorer checkpoint, for photographs
        boxes: COCO json with person boxes; without it one person is assumed to fill each photograph
        candidates: bodies for each person
        estimate: the body that is drawn and exported as a mesh: the best by score, or the mean of all candidates on SO(3),
            weighted by score, whose error is lower on average
        focal_px: focal length of the photographs in pixels; without it the diagonal is assumed
        smpl: your SMPL file, or the folder it is in, for generators that were trained on it; without it the free body
        seed: of the sampling
        device: cpu or cuda
        strict: fail when anything was skipped
    """

    generator: Path
    out: Path
    images: Path | None = None
    data: Path | None = None
    scorer: Path | None = None
    boxes: Path | None = None
    candidates: int = 10
    estimate: Literal["best", "weighted_mean"] = "best"
    focal_px: float | None = None
    smpl: Path | None = None
    seed: int = 0
    device: str = "cpu"
    strict: bool = False


def propose(options: Options, data: Path) -> int:
    """Candidates of all crops of a folder, in one file."""
    from adhmr.estimators import load_estimator
    from adhmr.pictures import load_pictures
    from adhmr.progress import StageProgress, console
    from hmr.estimator import name_of
    from hmr.files import new_folder, write_provenance
    from hmr.free_body import free_body
    from hmr.hypotheses import Hypotheses, save_hypotheses
    from hmr.smplx_files import load_body

    generator = load_estimator(options.generator).to(options.device)
    samples, body = load_pictures(data), free_body(1200) if options.smpl is None else load_body(options.smpl)
    generator.check_size(samples)
    out, source = new_folder(options.out), name_of(options.generator)
    parts: list[Hypotheses] = []
    with StageProgress({"candidates": 1.0}) as progress:
        progress.start("candidates")
        for start in range(0, len(samples), 256):
            rows = slice(start, start + 256)
            parts.append(generator.propose(samples[rows], body, options.candidates, options.seed + start, source))
            progress.at(min(start + 256, len(samples)) / len(samples))
        progress.finish()
    save_hypotheses(out / "candidates.npz", Hypotheses.cat(parts))
    write_provenance(out, "predict", asdict(options), options.seed, [options.generator, data])
    console.print(f"{options.candidates} candidates for each of {len(samples)} pictures in {out / 'candidates.npz'}")
    return 0


def run(options: Options) -> int:
    import pyarrow as pa

    from adhmr.commands.predict_photograph import Rows, predict_photograph
    from adhmr.estimators import load_estimator
    from adhmr.progress import StageProgress, console
    from adhmr.tables import write_table
    from hmr.files import new_folder, write_provenance
    from hmr.free_body import free_body
    from hmr.photographs.people import Skipped, coco_boxes
    from hmr.photographs.read import list_images
    from hmr.smplx_files import load_body
    from scorer.protocol import load_scorer

    if options.candidates < 1:
        raise ValueError(f"expected at least one candidate, got {options.candidates}")
    if options.focal_px is not None and options.focal_px <= 0:
        raise ValueError(f"expected a focal length above 0 px, got {options.focal_px}")
    if (options.images is None) == (options.data is None):
        raise ValueError("give --images (photographs) or --data (our crops), one of the two")
    if options.data is not None:
        return propose(options, options.data)
    assert options.images is not None
    if options.scorer is None:
        raise ValueError("give --scorer: the bodies of people in photographs are ranked")
    images = list_images(options.images)
    boxes = coco_boxes(options.boxes) if options.boxes is not None else None
    generator = load_estimator(options.generator).to(options.device)
    scorer = load_scorer(options.scorer).to(options.device)
    body = free_body(6900) if options.smpl is None else load_body(options.smpl)
    out = new_folder(options.out)
    rows: Rows = []
    skipped: list[Skipped] = []
    with StageProgress({"photographs": float(len(images))}) as progress:
        progress.start("photographs")
        for number, image in enumerate(images):
            try:
                found, left_out = predict_photograph(image, boxes, generator, scorer, body, options, out)
                rows += found
                skipped += left_out
            except ValueError as error:
                skipped.append(Skipped(image.name, str(error)))
            progress.at((number + 1) / len(images))
        progress.finish()
    if rows:
        write_table(out, "predictions", pa.Table.from_pylist(rows))
    if skipped:
        write_table(out, "skipped", pa.Table.from_pylist([asdict(s) for s in skipped]))
        for s in skipped:
            console.print(f"skipped {s.what}: {s.reason}", highlight=False)
    write_provenance(out, "predict", asdict(options), options.seed, [options.generator, options.scorer])
    people = len({row["key"] for row in rows})
    console.print(f"{people} people in {len(images)} photographs, {len(skipped)} skipped; look at {out}/*.png")
    console.print(STRANGER)
    if not rows:
        raise ValueError(f"nothing could be predicted: all {len(skipped)} items were skipped")
    return 2 if options.strict and skipped else 0
