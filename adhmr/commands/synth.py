"""Make a set of pictures of the synthetic world: exact labels, or pseudo-labels with the truth hidden beside them. Also
draws sheet.png, a contact sheet of the first pictures."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Options:
    """
    Args:
        out: an empty folder to write
        domain: source (studio), target (clutter, pitched camera), target_ambiguous (any yaw, heavy occlusion), rendered
        labels: exact; biased (systematic errors, as real training sets have); mixed (small and gross errors, to clean)
        count: how many pictures
        hands: bodies with hands and face (SMPL-X's 55 joints), for train-regressor; hands follow what the arms do
        upper_body: crops of the upper body, as in video calls; with ``hands``
        size: side of the pictures in pixels
        vertices: level of detail of the body
        seed: the same seed gives the same bytes
    """

    out: Path
    domain: Literal["source", "target", "target_ambiguous", "rendered"] = "source"
    labels: Literal["exact", "biased", "mixed"] = "exact"
    count: int = 64
    hands: bool = False
    upper_body: bool = False
    size: int = 128
    vertices: Literal[1200, 6900] = 6900
    seed: int = 0


def run(options: Options) -> None:
    from PIL import Image

    from adhmr.progress import console
    from adhmr.world.sets import Wanted, write_set, write_set_with_hands
    from hmr.files import new_folder, write_atomically, write_provenance
    from hmr.rendering.overlay import sheet

    if options.count < 1 or options.size < 16:
        raise ValueError(f"expected at least 1 picture of 16 px, got {options.count} of {options.size} px")
    if options.hands and options.labels == "biased":
        raise ValueError("--labels biased is for bodies without hands; with --hands true it is exact or mixed")
    if options.upper_body and not options.hands:
        raise ValueError("--upper_body true goes with --hands true")
    out = new_folder(options.out)
    # The seed is in the keys, so that two sets of a domain can be used together.
    prefix = f"{options.domain}-{options.seed}"
    wanted = Wanted(options.domain, options.labels, options.count, options.size, options.vertices, options.seed)
    samples = (
        write_set_with_hands(wanted, out, prefix, options.upper_body)
        if options.hands
        else write_set(wanted, out, prefix)
    )
    pictures = list(samples.rgb[:48].permute(0, 2, 3, 1).numpy())
    with write_atomically(out / "sheet.png") as partial:
        Image.fromarray(sheet(pictures, 8)).save(partial)
    write_provenance(out, "synth", asdict(options), options.seed, [])
    console.print(f"{options.count} pictures of {options.size} px in {out}; look at {out / 'sheet.png'}")
