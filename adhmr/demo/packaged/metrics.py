"""metrics.json of the demo from packaged weights, its tables, and what they mean in one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.table import Table

from adhmr.evaluation import PROTOCOL
from adhmr.figures import Figure, show, single
from adhmr.progress import console
from hmr.files import read_json

#: Rows of tables.
ORDER = ("base", "aligned", "random_pairs", "consensus_pairs")
#: Of a generator's block in metrics.json, and of a change against the base.
COLUMNS = {
    "selected_pve_mm": "selected", "mean_pve_mm": "mean", "min_pve_mm": "min of M", "mean_sample_pve_mm": "mean sample",
    "energy_score_mm": "energy score", "spread_mm": "spread",
}  # fmt: skip
CHANGE_COLUMNS = {key.replace("_mm", "_percent"): name for key, name in COLUMNS.items()}


def collect_metrics(out: Path) -> dict[str, Any]:
    """generators, change, scorer, pairs, cleaning, seconds; every leaf a figure. And the verdict."""
    evaluation = read_json(out / "evaluation" / "figures.json")
    return {
        **evaluation,
        "pairs": read_json(out / "pairs" / "figures.json"),
        "cleaning": read_json(out / "cleaning" / "figures.json")["figures"],
        "seconds": {stage: single(value) for stage, value in read_json(out / "demo.json")["seconds"].items()},
        "protocol": PROTOCOL,
        "verdict": verdict(evaluation["change"]),
    }


def verdict(change: dict[str, dict[str, dict[str, Figure]]]) -> str:
    """What alignment did to the energy score of held-out people, which contraction cannot lower by itself."""
    energy = {name: row["target"]["energy_score_percent"] for name, row in change.items()}
    ours = energy.pop("aligned")
    told = f"the energy score of held-out people by {show(ours)} %"
    if ours["low"] > 0:
        return f"Alignment made it worse: it raised {told}."
    if ours["high"] >= 0:
        return f"Alignment changed nothing that can be told from chance: it moved {told}."
    as_good = [name for name, figure in energy.items() if figure["low"] <= ours["high"]]
    if as_good:
        names = " and ".join(name.replace("_", " ") for name in as_good)
        return f"Alignment moved {told}; {names} cannot be told from it, so that need not be the scorer's doing."
    return f"Alignment moved {told}, beyond both controls, intervals apart."


def print_tables(metrics: dict[str, Any], seconds: dict[str, float]) -> None:
    """Generators on held-out people, changes against the base, pairs, cleaning, the time."""
    n = metrics["generators"]["base"]["target"]["mean_pve_mm"]["n"]
    _print(f"{n} held-out people: PVE in mm [95 % interval]", COLUMNS, metrics["generators"], 0)
    _print("paired change against the base in % [95 % interval]", CHANGE_COLUMNS, metrics["change"], 1)
    console.print(f"[bold]{metrics['verdict']}[/]", highlight=False)
    source = metrics["change"]["aligned"]["source"]["energy_score_percent"]
    console.print(f"on the people that the generator learnt from: energy score {show(source)} %", highlight=False)
    right = ", ".join(f"{_PAIRS[name]} {show(figure, 2)}" for name, figure in metrics["pairs"].items())
    console.print(f"share of pairs whose winner is the better body in truth: {right}", highlight=False)
    order = metrics["scorer"]["target"]
    console.print(
        f"rank correlation with PVE within people: scorer {show(order['within_srcc_pve'], 2)}, medoid "
        f"{show(order['medoid_within_srcc_pve'], 2)}", highlight=False,
    )  # fmt: skip
    c = metrics["cleaning"]
    console.print(
        f"cleaning: gross errors dropped with precision {show(c['precision'], 2)} (by chance "
        f"{show(c['precision_by_chance'], 2)}), recall {show(c['recall'], 2)} (by chance "
        f"{show(c['recall_by_chance'], 2)}); keeps {show(c['kept'], 2)} of the labels",
        highlight=False,
    )
    console.print(f"time: {sum(seconds.values()):.0f} s: " + ", ".join(f"{k} {v:.0f}" for k, v in seconds.items()))


#: Who judged the pairs of ``pairs/figures.json``.
_PAIRS = {
    "aligned": "the scorer's (which also reward being different)",
    "random_pairs": "random",
    "consensus_pairs": "consensus",
}


def _print(title: str, columns: dict[str, str], rows: dict[str, dict[str, dict[str, Figure]]], digits: int) -> None:
    table = Table(title=title, title_justify="left")
    for name in ("generator", *columns.values()):
        table.add_column(name, justify="left" if name == "generator" else "right", no_wrap=name == "generator")
    for name in [name for name in ORDER if name in rows]:
        table.add_row(name.replace("_", " "), *[show(rows[name]["target"][key], digits) for key in columns])
    console.print(table)
