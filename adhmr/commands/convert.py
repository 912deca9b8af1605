"""Convert a released checkpoint to a folder that every command takes. Nothing in the file is run; a name that is not known, or
a weight that is missing, is an error that lists it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Options:
    """
    Args:
        checkpoint: the released file (.pth.tar, .pth)
        kind: hmr-scorer (ADHMR, snapshot_*.pth.tar); score-net (ScoreHypo; with its HRNet branch from the same file, a scorer);
            hypo-net (ScoreHypo, ADHMR; with its HRNet branch from the same file, a generator)
        out: the checkpoint's folder
        entry: which entry of the file to take; without it the usual one (ema and ema_score hold averaged weights)
    """

    checkpoint: Path
    kind: Literal["hmr-scorer", "score-net", "hypo-net"]
    out: Path
    entry: str | None = None


def run(options: Options) -> None:
    from adhmr.progress import console
    from diffusion_hmr.released.convert import released_generator
    from hmr.files import new_folder, write_provenance
    from hmr.networks.released import read_released
    from scorer.released.convert import hmr_scorer_from_released, score_net_scorer_from_released

    def read(usual: str):
        return read_released(options.checkpoint, options.entry or usual, usual)

    def read_branch(usual: str):
        return read_released(options.checkpoint, f"{options.entry or usual}_cond", f"{usual}_cond")

    if options.kind == "hmr-scorer":
        network = hmr_scorer_from_released(read("network"))
    elif options.kind == "score-net":
        network = score_net_scorer_from_released(read("model_score"), read_branch("model_score"))
    else:
        network = released_generator(read("model"), read_branch("model"))
    out = new_folder(options.out)
    network.save_pretrained(out)
    write_provenance(out, "convert", asdict(options), None, [options.checkpoint])
    count = sum(p.numel() for p in network.parameters()) / 1e6
    console.print(f"{options.kind} with {count:.1f} million weights, all of them matched, in {out}")
