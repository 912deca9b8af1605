"""Refine labels to their 2D keypoints, anchored on what they were, and keep whichever of the two the scorer prefers: repair
before dropping. Writes repaired/ (the same set with better labels) and repaired.csv (which labels changed)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from data_cleaning.repair import RepairConfig


@dataclass(frozen=True)
class Options:
    """
    Args:
        data: folder with pictures.npy and labels.npz whose labels are repaired
        scorer: folder of a scorer checkpoint
        out: an empty folder to write
        prior: folder of exact labels that a prior on poses is fitted to; without it there is none
        fit: the scales of the refinement
        seed: kept in the provenance; nothing is drawn
        device: the scorer's; the refinement runs on the CPU
    """

    data: Path
    scorer: Path
    out: Path
    prior: Path | None = None
    fit: RepairConfig = field(default_factory=RepairConfig)
    seed: int = 0
    device: Literal["cpu", "cuda"] = "cpu"


def run(options: Options) -> None:
    import pyarrow as pa

    from adhmr.progress import console
    from adhmr.tables import write_table
    from data_cleaning.repair import PosePrior, repair
    from hmr.files import new_folder, write_provenance
    from hmr.free_body import free_body
    from hmr.samples import load_samples, save_samples
    from scorer.protocol import load_scorer

    scorer, samples = load_scorer(options.scorer).to(options.device), load_samples(options.data)
    prior = None
    if options.prior is not None:
        exact = load_samples(options.prior)
        if not set(exact.label_kind) <= {"mocap", "synthetic"}:
            raise ValueError(f"{options.prior}: a prior needs exact labels, these are {sorted(set(exact.label_kind))}")
        prior = PosePrior.fit(exact.label)
    out = new_folder(options.out)
    repaired, better = repair(samples, scorer, free_body(1200), prior, options.fit)
    save_samples(out / "repaired", repaired)
    write_table(out, "repaired", pa.table({"key": list(samples.key), "changed": better.tolist()}))
    inputs = [options.data, options.scorer, *([options.prior] if options.prior else [])]
    write_provenance(out, "repair", asdict(options), options.seed, inputs)
    console.print(
        f"{int(better.sum())} of {len(samples)} labels changed, see {out / 'repaired.csv'}; the set is in {out / 'repaired'}"
    )
