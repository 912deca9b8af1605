"""Draw labels at random for a person to check: pictures of them, and checked.csv to fill in (bad: 1 or 0). With that table
`adhmr clean --checked` keeps as many labels as it can vouch for."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Options:
    """
    Args:
        data: folder with pictures.npy and labels.npz that will be cleaned
        out: an empty folder to write
        number: labels to draw
        pixels: side of each drawn picture
        seed: of the draw
        device: pictures are drawn on the CPU
    """

    data: Path
    out: Path
    number: int = 300
    pixels: int = 320
    seed: int = 0
    device: Literal["cpu"] = "cpu"


def run(options: Options) -> None:
    import numpy as np
    import pyarrow as pa
    import pyarrow.csv
    from PIL import Image

    from adhmr.progress import console
    from adhmr.report.overlay import BLUE, draw_body, enlarged
    from hmr.files import new_folder, write_atomically, write_provenance
    from hmr.free_body import free_body
    from hmr.samples import load_samples

    samples, body = load_samples(options.data), free_body(1200)
    if "none" in samples.label_kind:
        raise ValueError(f"{options.data}: has pictures without labels, there is nothing to check")
    if not 1 <= options.number <= len(samples):
        raise ValueError(f"expected a number from 1 to {len(samples)}, the labels there are, got {options.number}")
    rows = np.sort(np.random.default_rng(options.seed).choice(len(samples), options.number, replace=False))
    out = new_folder(options.out)
    names = [f"{place:04d}.png" for place in range(len(rows))]
    for name, i in zip(names, rows, strict=True):
        factor = max(1, options.pixels // samples.size)
        picture, K = enlarged(samples.rgb[i].permute(1, 2, 0).numpy(), samples.K[i].numpy(), factor)
        drawn = draw_body(picture, samples.label[i], K, body, BLUE, opacity=0.7)
        with write_atomically(out / name) as partial:
            Image.fromarray(np.concatenate([picture, drawn], 1)).save(partial, format="PNG")
    table = pa.table({"key": [samples.key[i] for i in rows], "picture": names, "bad": [""] * len(rows)})
    with write_atomically(out / "checked.csv") as partial:
        pyarrow.csv.write_csv(table, partial)
    write_provenance(out, "check", asdict(options), options.seed, [options.data])
    console.print(f"look at {len(rows)} pictures in {out}, write 1 or 0 under bad in {out / 'checked.csv'}")
