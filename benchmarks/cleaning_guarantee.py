"""Does the guarantee of `adhmr clean --max_bad_share` hold, and what does it cost? On a finished demo's set to clean.

    python -m benchmarks.cleaning_guarantee --demo adhmr-demo --out benchmarks/results/cleaning_guarantee.json

Draws checked samples from the set again and again (the truth says what a person would), and compares the share of bad labels
among all that is kept with what was promised.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from adhmr.world.hidden_truth import load_hidden_truth
from data_cleaning.guarantee import vouched_threshold
from data_cleaning.score import score_labels
from hmr.displacement import GROSS_MM, worst_displacement_mm
from hmr.files import code_version, write_json
from hmr.free_body import free_body
from hmr.samples import load_samples
from scorer import Scorer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demo", type=Path, required=True, help="folder of a finished `adhmr demo --from_scratch`")
    parser.add_argument("--draws", type=int, default=500)
    parser.add_argument("--confidence", type=float, default=0.9)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    folder, model = options.demo / "data" / "to-clean", free_body(1200)
    samples = load_samples(folder)
    labels = score_labels(Scorer.from_pretrained(options.demo / "scorer"), samples, model)
    bad = worst_displacement_mm(samples, load_hidden_truth(folder / "hidden-truth.npz").label, model) > GROSS_MM
    rng, results = np.random.default_rng(0), []
    for checked in (150, 300):
        for promised in (0.05, 0.1):
            kept, broken, broken_unseen = [], 0, 0
            for _ in range(options.draws):
                rows = rng.choice(len(samples), checked, replace=False)
                sample = {samples.key[i]: bool(bad[i]) for i in rows}
                try:
                    threshold = vouched_threshold(labels, sample, promised, options.confidence)
                except ValueError:
                    continue
                keep = labels.gross_probability <= threshold
                kept.append(keep.mean())
                broken += int(bad[keep].mean() > promised)
                keep[rows] = False  # labels that nobody looked at
                broken_unseen += int(bad[keep].mean() > promised)
            results.append({
                "checked": checked, "max_bad_share": promised, "confidence": options.confidence, "draws": options.draws,
                "found_a_threshold": len(kept) / options.draws, "promise_broken": broken / options.draws,
                "promise_broken_on_unchecked": broken_unseen / options.draws,
                "promise_broken_where_found": broken / len(kept) if kept else None,
                "kept": float(np.mean(kept)) if kept else None, "good_labels": float((~bad).mean()),
            })  # fmt: skip
            print(results[-1], flush=True)
    write_json(options.out, {
        "command": "python -m benchmarks.cleaning_guarantee", "seed": 0, "code": code_version(), "results": results,
    })  # fmt: skip


if __name__ == "__main__":
    main()
