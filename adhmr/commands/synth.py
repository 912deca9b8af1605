"""Make a set of pictures of the synthetic world: exact labels, or pseudo-labels with the truth hidden beside them. Also
draws sheet.png, a contact sheet of the first pictures."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor


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
    rgb = _with_hands(options, out, prefix) if options.hands else _bodies(options, out, prefix)
    pictures = list(rgb[:48].permute(0, 2, 3, 1).numpy())
    with write_atomically(out / "sheet.png") as partial:
        Image.fromarray(sheet(pictures, 8)).save(partial)
    write_provenance(out, "synth", asdict(options), options.seed, [])
    console.print(f"{options.count} pictures of {options.size} px in {out}; look at {out / 'sheet.png'}")


def _bodies(options: Options, out: Path, prefix: str) -> Tensor:
    """Writes a set of 24-joint bodies; returns its pictures."""
    from adhmr.world.domains import DOMAINS
    from adhmr.world.hidden_truth import save_hidden_truth
    from adhmr.world.make import make_samples
    from adhmr.world.pseudo_labels import Bias, biased_labels, mixed_labels
    from hmr.free_body import free_body
    from hmr.samples import save_samples

    body = free_body(options.vertices)
    samples = make_samples(DOMAINS[options.domain], options.count, options.size, options.seed, body, prefix)
    if options.labels == "biased":
        samples = biased_labels(samples, options.seed, Bias())
    elif options.labels == "mixed":
        samples, truth = mixed_labels(samples, options.seed, body)
        save_hidden_truth(out / "hidden-truth.npz", truth)
    save_samples(out, samples)
    return samples.rgb


def _with_hands(options: Options, out: Path, prefix: str) -> Tensor:
    """Writes a set of bodies with hands; returns its pictures."""
    from adhmr.world.domains import DOMAINS
    from adhmr.world.make_expressive import Scene, make_expressive_samples
    from adhmr.world.pseudo_hands import mixed_expressive_labels, save_hidden_hand_truth
    from hmr.free_body import free_body_with_hands
    from hmr.samples import save_samples

    body = free_body_with_hands(6900 if options.vertices == 6900 else 2500)
    scene = Scene(DOMAINS[options.domain], upper_body=options.upper_body)
    samples, _ = make_expressive_samples(scene, options.count, options.size, options.seed, body, prefix)
    if options.labels == "mixed":
        samples, truth = mixed_expressive_labels(samples, options.seed, body.smpl)
        save_hidden_hand_truth(out / "hidden-truth.npz", truth)
    save_samples(out, samples)
    return samples.rgb
