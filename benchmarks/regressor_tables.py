"""The tables of README and docs/regressors.md from the results of `cleaning_table` and `coevoer_table`.

python -m benchmarks.regressor_tables benchmarks/results/cleaning_table.json benchmarks/results/coevoer_table.json
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from benchmarks.coevoer_table import ROWS
from benchmarks.demo_tables import cell, table
from hmr.files import read_json

Rows = dict[str, dict[str, Any]]
TRAINED_ON = {
    "all pseudo-labels": "all pseudo-labels", "random subset": "random subset",
    "least reprojection error": "least reprojection error", "scorer-cleaned": "**scorer-cleaned**",
    "scorer-cleaned, bad hands masked": "**…, bad hands masked**", "repaired, nothing dropped": "repaired, nothing dropped",
    "repaired, then scorer-cleaned": "**repaired, then scorer-cleaned**", "true labels": "true labels",
}  # fmt: skip


def value(row: dict[str, Any], key: str, digits: int) -> str:
    return f"{row[key]['value']:,.{digits}f}" if key in row else ""


def interval(row: dict[str, Any], key: str, digits: int) -> str:
    return cell(row[key], digits) if key in row else ""


def changes(row: dict[str, Any], key: str, is_reference: bool, is_ceiling: bool) -> list[str]:
    """Error in mm, its change, and how much of the gap it closes, which means nothing for the gap's own two ends."""
    gap = "" if is_reference or is_ceiling else interval(row, f"{key}_gap_closed_percent", 0)
    return [value(row, key, 1), "" if is_reference else interval(row, f"{key}_percent", 1), gap]


def cleaning(results: dict[str, Rows]) -> tuple[str, str]:
    """README's table of the whole body, and that of hands and PA errors."""
    integral, osx = "integral regression, 24 joints", "OSX-like, 55 joints"
    whole, others = [], []
    for key, name in TRAINED_ON.items():
        ends = key == "all pseudo-labels", key == "true labels"
        row, plain = results[osx][key], results[integral][key]
        # The integral regression knows no hands, so masking them is nothing to it.
        first = ["as above", "", ""] if "masked" in key else changes(plain, "mpvpe_all", *ends)
        whole.append([name, value(row, "labels", 0), *first, *changes(row, "mpvpe_all", *ends)])
        pa = [value(row, "pa_mpvpe_hand", 1), value(row, "pa_mpvpe_all", 1), value(plain, "pa_mpvpe_all", 1)]
        others.append([name, *changes(row, "mpvpe_hand", *ends), *pa])
    columns = ["change, %", "gap closed, %"]
    head = ["trained on", "labels", "integral regression: MPVPE, mm", *columns, "OSX-like: MPVPE, mm", *columns]
    pa_head = ["hands: PA, mm", "all: PA, mm", "integral regression, all: PA, mm"]
    return table(head, whole), table(["OSX-like, trained on", "hands: MPVPE, mm", *columns, *pa_head], others)


MEANS = {
    "mpvpe_all": "MPVPE all", "mpvpe_hand": "hand", "mpvpe_hidden_hand": "hidden hand", "mpvpe_face": "face",
    "pa_mpvpe_hand": "PA hand",
}  # fmt: skip
AGAINST = {
    "mpvpe_all": "CoEvoer against it: all, %", "mpvpe_hand": "hand, %", "mpvpe_hidden_hand": "hidden hand, %",
    "pa_mpvpe_hand": "PA hand, %", "pa_mpvpe_hidden_hand": "PA hidden hand, %",
}  # fmt: skip
OTHERS = {
    "pa_mpvpe_all": "PA all", "pa_mpvpe_hand": "PA hand", "pa_mpvpe_hidden_hand": "PA hidden hand",
    "pa_mpvpe_seen_hand": "PA seen hand", "pa_mpvpe_face": "PA face", "mpvpe_seen_hand": "seen hand",
}  # fmt: skip


def coevoer(results: dict[str, Rows]) -> tuple[str, str]:
    """README's table with the controls and bounds, and that of the other columns."""
    first, others = [], []
    for world, prefix in (("hands follow arms", ""), ("hands independent of arms", "*independent:* ")):
        rows = results[world]
        networks = {name: rows[name] for name in ROWS if name in rows}
        for name, row in (networks | rows).items():
            means = [value(row, key, 1) for key in MEANS] + [value(row, "finger_variance_share", 2)]
            shown = f"{prefix}**{name}**" if name == "CoEvoer" else prefix + name
            first.append([shown, *means, *(interval(row, f"{key}_coevoer_percent", 1) for key in AGAINST)])
        for name, row in networks.items():
            digits = {"pa_mpvpe_face": 2}
            others.append(
                [prefix + name, *(interval(row, k, digits.get(k, 1)) for k in OTHERS), value(row, "parameters", 0)]
            )
    return (
        table(["", *MEANS.values(), "finger variance", *AGAINST.values()], first),
        table(["", *OTHERS.values(), "parameters"], others),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cleaning", type=Path)
    parser.add_argument("coevoer", type=Path)
    options = parser.parse_args()
    for text in (*cleaning(read_json(options.cleaning)["results"]), *coevoer(read_json(options.coevoer)["results"])):
        print(text, end="\n\n")


if __name__ == "__main__":
    main()
