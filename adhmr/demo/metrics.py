"""metrics.json of a demo, and the tables that people read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.table import Table

from adhmr.evaluation import PROTOCOL
from adhmr.figures import Figure, show, single
from adhmr.progress import console
from hmr.files import read_json

ORDER = ("base", "aligned", "random_pairs", "consensus_pairs", "sft", "regressor")


def collect_metrics(out: Path) -> dict[str, Any]:
    """The contract of the README: generators, change, scorer, scorer_no_image, cleaning; every leaf a figure."""
    evaluation = read_json(out / "evaluation" / "figures.json")
    cleaning = read_json(out / "cleaning" / "figures.json")
    seconds = read_json(out / "demo.json")["seconds"]
    return {
        **evaluation,
        "base_check": read_json(out / "evaluation" / "base-check.json"),
        "cleaning": cleaning["figures"],
        "seconds": {stage: single(value) for stage, value in seconds.items()},
        "protocol": PROTOCOL,
    }


def _cell(figure: Figure | None, digits: int = 0) -> str:
    return "-" if figure is None else show(figure, digits)


def print_tables(metrics: dict[str, Any], seconds: dict[str, float]) -> None:
    """Generators on each domain, the changes against the base, the scorer, the cleaning, the time."""
    for domain in ("target", "target_ambiguous", "source"):
        table = Table(title=f"{domain}: PVE in mm [95 % interval]", title_justify="left")
        for column in (
            "generator",
            "selected",
            "mean",
            "min of M",
            "zero noise",
            "mean sample",
            "energy score",
            "spread",
        ):
            table.add_column(
                column, justify="left" if column == "generator" else "right", no_wrap=column == "generator"
            )
        keys = ("selected_pve_mm", "mean_pve_mm", "min_pve_mm", "zero_noise_pve_mm", "mean_sample_pve_mm",
                "energy_score_mm", "spread_mm")  # fmt: skip
        for name in ORDER:
            row = metrics["generators"][name][domain]
            table.add_row(name, *[_cell(row[key]) for key in keys])
        console.print(table)
    table = Table(title="target: paired change against the base in % [95 % interval]", title_justify="left")
    for column in ("generator", "selected", "mean", "mean sample", "energy score", "spread", "source energy score"):
        table.add_column(column, justify="left" if column == "generator" else "right")
    for name in ORDER[1:-1]:
        row = metrics["change"][name]["target"]
        keys = ("selected_pve_percent", "mean_pve_percent", "mean_sample_pve_percent", "energy_score_percent",
                "spread_percent")  # fmt: skip
        source = metrics["change"][name]["source"]["energy_score_percent"]
        table.add_row(name, *[_cell(row[key], 1) for key in keys], _cell(source, 1))
    console.print(table)
    table = Table(title="scorer: rank correlation with PVE within pictures [95 % interval]", title_justify="left")
    for column in ("candidates", "scorer", "no picture", "medoid", "partial given the medoid"):
        table.add_column(column)
    for kind, row in metrics["scorer"].items():
        blind = metrics["scorer_no_image"][kind]
        table.add_row(
            kind, *[_cell(f, 2) for f in (row["within_srcc_pve"], blind["within_srcc_pve"], row["medoid_within_srcc_pve"],
                                          row["partial_within_srcc_pve"])]
        )  # fmt: skip
    console.print(table)
    check = metrics["base_check"]
    against, calibration = check["mean_sample_against_regressor_percent"], check["spread_over_mean_error"]
    console.print(
        f"base on its source domain: mean of 64 samples against the regressor {show(against)} %, "
        f"spread over mean error {show(calibration, 2)}"
    )
    calibration = metrics["calibration"]["generator_samples"]
    console.print(
        f"expected errors of the base's target samples are off by {show(calibration['error_percent'])} % of the mean error; "
        f"{show(calibration['coverage'], 2)} of the errors lie in their 90 % intervals"
    )
    c = metrics["cleaning"]
    console.print(
        f"cleaning: drops gross label errors with precision {show(c['precision'], 2)}, recall {show(c['recall'], 2)}; "
        f"keeps {show(c['kept'], 2)} of the labels"
    )
    console.print(f"time: {sum(seconds.values()):.0f} s: " + ", ".join(f"{k} {v:.0f}" for k, v in seconds.items()))
