"""Propose and rank bodies for the people in photographs. For each photograph: ranked parameters (.npz), the best body of
each person (.glb, .obj) and an overlay (.png); predictions.csv lists all, skipped.csv what could not be done and why."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

STRANGER = (
    "note: this generator was trained on pictures of the synthetic world only; on photographs its bodies are rough guesses. "
    "Train it on photographs with labels to get good ones."
)


@dataclass(frozen=True)
class Options:
    """
    Args:
        images: a photograph or a folder of them
        generator: folder of a generator checkpoint
        scorer: folder of a scorer checkpoint
        out: an empty folder to write
        boxes: COCO json with person boxes; without it one person is assumed to fill each photograph
        candidates: bodies for each person
        focal_px: focal length of the photographs in pixels; without it the diagonal is assumed
        seed: of the sampling
        device: cpu or cuda
        strict: fail when anything was skipped
    """

    images: Path
    generator: Path
    scorer: Path
    out: Path
    boxes: Path | None = None
    candidates: int = 10
    focal_px: float | None = None
    seed: int = 0
    device: str = "cpu"
    strict: bool = False


def run(options: Options) -> int:
    import pyarrow as pa

    from adhmr.commands.predict_photograph import Rows, predict_photograph
    from adhmr.photographs.people import Skipped, coco_boxes
    from adhmr.photographs.read import list_images
    from adhmr.progress import StageProgress, console
    from adhmr.tables import write_table
    from diffusion_hmr import Generator
    from hmr.files import new_folder, write_provenance
    from hmr.free_body import free_body
    from scorer import Scorer

    if options.candidates < 1:
        raise ValueError(f"expected at least one candidate, got {options.candidates}")
    if options.focal_px is not None and options.focal_px <= 0:
        raise ValueError(f"expected a focal length above 0 px, got {options.focal_px}")
    images = list_images(options.images)
    boxes = coco_boxes(options.boxes) if options.boxes is not None else None
    generator = Generator.from_pretrained(options.generator).to(options.device)
    scorer = Scorer.from_pretrained(options.scorer).to(options.device)
    out, body = new_folder(options.out), free_body(6900)
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
