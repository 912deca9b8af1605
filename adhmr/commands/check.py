"""Draw labels at random for a person to check: pictures of them, and checked.csv to fill in (bad: 1 or 0). With that table
`adhmr clean --checked` keeps as many labels as it can vouch for."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from adhmr.option_types import BodyModelType


@dataclass(frozen=True)
class Options:
    """
    Args:
        data: what will be cleaned: a file of labels, a folder of such files, or our own folder
        out: an empty folder to write
        images: folder of the photographs that the labels are of (not needed for our own folder and for tars)
        number: labels to draw
        pixels: side of each drawn picture
        body_model: see `adhmr score`
        body_model_type: auto (what the file is), smpl, smplh or smplx
        coco: see `adhmr score`
        seed: of the draw
    """

    data: Path
    out: Path
    images: Path | None = None
    number: int = 300
    pixels: int = 320
    body_model: Path | None = None
    body_model_type: BodyModelType = "auto"
    coco: Path | None = None
    seed: int = 0


def run(options: Options) -> None:
    import numpy as np
    import pyarrow as pa
    import pyarrow.csv
    from PIL import Image

    from adhmr.progress import console
    from adhmr.review.sample import drawn_labels
    from adhmr.scoring import ScoringJob
    from hmr.files import new_folder, write_atomically, write_provenance

    job = ScoringJob(
        options.data, Path(), options.images, options.coco, options.body_model, options.body_model_type, 1000, "cpu"
    )
    units, broken = job.units()
    count = sum(unit.stop - unit.start for unit in units)
    if not 1 <= options.number <= count:
        raise ValueError(f"expected a number from 1 to {count}, the labels there are, got {options.number}")
    rows = np.sort(np.random.default_rng(options.seed).choice(count, options.number, replace=False))
    drawn = drawn_labels(job, units, rows, options.pixels)
    key, pictures = next(drawn)  # a mistake comes before there is a folder
    out = new_folder(options.out)
    keys: list[str] = []
    names: list[str] = []
    while True:
        names.append(f"{len(names):04d}.png" if pictures is not None else "")
        keys.append(key)
        if pictures is not None:
            with write_atomically(out / names[-1]) as partial:
                Image.fromarray(pictures).save(partial, format="PNG")
        following = next(drawn, None)
        if following is None:
            break
        key, pictures = following
    # What cannot be drawn cannot be judged either, and never stays: it is bad without a look.
    table = pa.table({"key": keys, "picture": names, "bad": ["" if name else "1" for name in names]})
    with write_atomically(out / "checked.csv") as partial:
        pyarrow.csv.write_csv(table, partial)
    write_provenance(out, "check", asdict(options), options.seed, [options.data])
    for item in broken:
        console.print(f"left out: {item.reason}", highlight=False)
    console.print(f"look at {len(rows)} pictures in {out}, write 1 or 0 under bad in {out / 'checked.csv'}")
