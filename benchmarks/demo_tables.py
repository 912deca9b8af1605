"""The README's tables of `adhmr demo --from_scratch`: python -m benchmarks.demo_tables adhmr-demo/metrics.json"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hmr.files import read_json

GENERATORS = {
    "base": "base", "aligned": "**aligned**", "random_pairs": "random pairs", "consensus_pairs": "consensus pairs",
    "sft": "winner SFT", "regressor": "regressor",
}  # fmt: skip
LEVELS = {
    "selected_pve_mm": "selected", "weighted_mean_pve_mm": "weighted mean", "mean_pve_mm": "mean", "min_pve_mm": "min",
    "zero_noise_pve_mm": "zero noise", "mean_sample_pve_mm": "mean sample", "energy_score_mm": "energy score",
    "spread_mm": "spread",
}  # fmt: skip
CHANGES = {
    "selected_pve": "selected", "weighted_mean_pve": "weighted mean", "mean_pve": "mean", "mean_sample_pve": "mean sample",
    "energy_score": "energy score", "spread": "spread",
}  # fmt: skip


def cell(figure: dict[str, float], digits: int) -> str:
    value, low, high = (f"{figure[k]:.{digits}f}" for k in ("value", "low", "high"))
    return f"{value} [{low}, {high}]".replace("-", "−")


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in [head, *rows]]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])


def levels(metrics: dict[str, Any], domain: str) -> str:
    rows = [
        [label, *(cell(metrics["generators"][name][domain][key], 0) for key in LEVELS)]
        for name, label in GENERATORS.items()
    ]
    return table(["", *LEVELS.values()], rows)


def changes(metrics: dict[str, Any], domain: str) -> str:
    rows = []
    for name, label in GENERATORS.items():
        if name in ("base", "regressor"):
            continue
        block = metrics["change"][name]
        own = [cell(block[domain][f"{key}_percent"], 1) for key in CHANGES]
        rows.append([label, *own, cell(block["source"]["energy_score_percent"], 1)])
    return table(["", *CHANGES.values(), "source energy score"], rows)


def scorer(metrics: dict[str, Any]) -> str:
    rows = []
    for name, block in metrics["scorer"].items():
        blind = metrics["scorer_no_image"][name]["within_srcc_pve"]
        figures = [block["within_srcc_pve"], blind, block["medoid_within_srcc_pve"], block["partial_within_srcc_pve"]]
        figures += [block["pooled_srcc_pve"], block["pooled_plcc_pve"]]
        rows.append([name.replace("_", " "), *(cell(figure, 2) for figure in figures)])
    head = ["candidates", "scorer", "no picture", "medoid", "partial given the medoid", "pooled SRCC", "pooled PLCC"]
    return table(head, rows)


def main() -> None:
    metrics = read_json(Path(sys.argv[1]))
    recovered = metrics["generators"]["base"]["target"]["recovered_fraction"]
    cleaning, base = metrics["cleaning"], metrics["base_check"]
    for title, text in (
        ("Target", levels(metrics, "target")),
        ("Target, change in %", changes(metrics, "target")),
        ("Ambiguous target, change in %", changes(metrics, "target_ambiguous")),
        ("Scorer", scorer(metrics)),
    ):
        print(f"{title}\n\n{text}\n")
    print(f"recovered fraction on the base's target samples {cell(recovered, 2)}")
    print("cleaning: " + ", ".join(f"{key} {cell(cleaning[key], 2)}" for key in ("precision", "recall", "kept")))
    print("base: " + ", ".join(f"{key} {cell(figure, 2)}" for key, figure in base.items()))
    print(f"seconds: {sum(figure['value'] for figure in metrics['seconds'].values()):.0f}")


if __name__ == "__main__":
    main()
