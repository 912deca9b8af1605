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
        kind: hmr-scorer (ADHMR, snapshot_*.pth.tar); score-net, hypo-net (ScoreHypo, ADHMR; both look at HRNet features, not at
            pictures); hypo-net-branch, score-net-branch (the HRNets that those features come from, in the same files)
        out: the checkpoint's folder
        entry: which entry of the file to take; without it the usual one (ema, ema_score, ema_cond, ema_score_cond hold averaged
            weights)
        seed: kept in the provenance
        device: conversion runs on the CPU
    """

    checkpoint: Path
    kind: Literal["hmr-scorer", "score-net", "hypo-net", "hypo-net-branch", "score-net-branch"]
    out: Path
    entry: str | None = None
    seed: int = 0
    device: Literal["cpu"] = "cpu"


def run(options: Options) -> None:
    from adhmr.progress import console
    from diffusion_hmr.released.convert import hrnet_branch_from_released, hypo_net_from_released
    from hmr.files import new_folder, write_provenance
    from hmr.networks.released import read_released
    from scorer.released.convert import hmr_scorer_from_released, score_net_from_released

    usual, convert = {
        "hmr-scorer": ("network", hmr_scorer_from_released),
        "score-net": ("model_score", score_net_from_released),
        "hypo-net": ("model", hypo_net_from_released),
        "hypo-net-branch": ("model_cond", hrnet_branch_from_released),
        "score-net-branch": ("model_score_cond", hrnet_branch_from_released),
    }[options.kind]
    network = convert(read_released(options.checkpoint, options.entry or usual, usual))
    out = new_folder(options.out)
    network.save_pretrained(out)
    write_provenance(out, "convert", asdict(options), options.seed, [options.checkpoint])
    count = sum(p.numel() for p in network.parameters()) / 1e6
    console.print(f"{options.kind} with {count:.1f} million weights, all of them matched, in {out}")
