"""``report.html`` of the demo from packaged weights: one self-contained page."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from PIL import Image

from adhmr.demo.packaged.metrics import CHANGE_COLUMNS, COLUMNS, ORDER, collect_metrics
from adhmr.evaluation import PROTOCOL
from adhmr.loading import PACKAGED_SCORER, scorer_folder
from adhmr.report import plots
from adhmr.report.elements import cell, figure, page, table
from adhmr.report.parts import CHANGES, Pictures, curves_section
from adhmr.world.hidden_truth import load_hidden_truth
from hmr.files import read_json, write_atomically
from hmr.free_body import free_body
from hmr.hypotheses import load_hypotheses
from hmr.metrics import errors_of_hypotheses_mm
from hmr.rendering.overlay import BLUE, GREEN, ORANGE, RED
from hmr.samples import load_samples
from scorer import Scorer


def write_report(out: Path, examples: int = 8) -> Path:
    """The page of a demo's folder; returns its path. Raises ValueError when a stage's files are missing."""
    metrics, state = collect_metrics(out), read_json(out / "demo.json")["identity"]
    change = {name: metrics["change"][name]["target"] for name in ORDER[1:]}
    c = metrics["cleaning"]
    body = f"""<h1>ADHMR demo</h1>
<p class=note>From the weights that come with the package; budget {state["budget"]}, seed {state["seed"]}. Photographs and people
are synthetic, keypoints are a simulated detector's. The scorer judges by keypoints alone. {html.escape(PROTOCOL)}.</p>
<h2>Photographs and their bodies</h2>
<p>What <code>adhmr predict</code> does with photographs and a file of keypoints. To walk around them open photographs.html.</p>
{_sheet(out)}
<h2>What alignment changed</h2><p><b>{html.escape(metrics["verdict"])}</b></p>
<p>Paired change against the packaged generator on held-out people. Mean and min of M can be had by contraction alone; the
error of the mean sample and the energy score cannot. The controls had the same budget.</p>
<div class=plots>{plots.change_bars(change, CHANGES)}</div>{_change_table(metrics)}{_tables(metrics)}
<h2>People, best and worst candidates</h2>{_examples(out, examples)}
<h2>Pairs and scorer</h2>{_pairs_table(metrics)}
<h2>Cleaning</h2><p>Gross label errors were dropped with precision {cell(c["precision"], 2)} (by chance
{cell(c["precision_by_chance"], 2)}) and recall {cell(c["recall"], 2)} (by chance {cell(c["recall_by_chance"], 2)});
{cell(c["kept"], 2)} of the labels are kept. Labels go by how far the scorer says that they are off across the picture: of depth
keypoints say little. The threshold was chosen on other labels of the kind that somebody checked.</p>
<div class=plots>{_cleaning_plot(out)}</div>
<h2>Training curves</h2>{curves_section(out)}"""
    path = out / "report.html"
    with write_atomically(path) as partial:
        partial.write_text(page("ADHMR demo", body))
    return path


def _sheet(out: Path) -> str:
    with Image.open(out / "photographs.png") as file:
        return figure(np.asarray(file.convert("RGB")), "keypoints, the best body, and all candidates from the side")


def _change_table(metrics: dict[str, Any]) -> str:
    rows = [
        (name, [*(cell(row["target"][k], 1) for k in CHANGE_COLUMNS), cell(row["source"]["energy_score_percent"], 1)])
        for name, row in ((name, metrics["change"][name]) for name in ORDER[1:])
    ]
    return table(["against the base, %", *CHANGE_COLUMNS.values(), "source energy score"], rows, "aligned")


def _tables(metrics: dict[str, Any]) -> str:
    parts = []
    for domain in ("target", "source"):
        rows = [(name, [cell(metrics["generators"][name][domain][k]) for k in COLUMNS]) for name in ORDER]
        count = metrics["generators"]["base"][domain]["mean_pve_mm"]["n"]
        parts.append(f"<h3>{domain} (PVE, mm; n = {count} people)</h3>")
        parts.append(table(["generator", *COLUMNS.values()], rows, "aligned"))
    return "".join(parts)


def _pairs_table(metrics: dict[str, Any]) -> str:
    rows = [(name, [cell(metrics["pairs"][name], 2)]) for name in ORDER[1:]]
    head = ["pairs that a generator learns from", "share whose winner is the better body in truth"]
    order = metrics["scorer"]["target"]
    return table(head, rows, "aligned") + (
        f"<p>Rank correlation of score and PVE within people: {cell(order['within_srcc_pve'], 2)}; of nearness to the other "
        f"candidates (medoid): {cell(order['medoid_within_srcc_pve'], 2)}.</p>"
    )


def _examples(out: Path, count: int) -> str:
    """Each in its picture, which neither generator nor scorer looked at."""
    truth = load_samples(out / "data" / "examples")[:count]
    rows = slice(0, len(truth))
    base, aligned = (load_hypotheses(out / "evaluation" / f"{name}-target.npz")[rows] for name in ("base", "aligned"))
    body, scorer = free_body(1200), Scorer.from_pretrained(scorer_folder(PACKAGED_SCORER))
    pve, new_pve = (errors_of_hypotheses_mm(h.params, truth.label, body)["pve"] for h in (base, aligned))
    score, new_score = (scorer.score(truth, h, body).value for h in (base, aligned))
    pictures, out_rows = Pictures(truth, factor=1), []
    for i in range(len(truth)):
        best, worst, new = int(score[i].argmax()), int(score[i].argmin()), int(new_score[i].argmax())
        cells = [
            figure(pictures.plain(i), "picture"),
            figure(pictures.drawn(i, truth.label[i], BLUE), "truth"),
            figure(pictures.drawn(i, base.params[i, best], GREEN), f"base, best score: {pve[i, best]:.0f} mm"),
            figure(pictures.drawn(i, base.params[i, worst], RED), f"base, worst score: {pve[i, worst]:.0f} mm"),
            figure(pictures.drawn(i, aligned.params[i, new], ORANGE), f"aligned, best score: {new_pve[i, new]:.0f} mm"),
        ]
        out_rows.append(f"<div class=row>{''.join(cells)}</div>")
    return "".join(out_rows)


def _cleaning_plot(out: Path) -> str:
    gross = load_hidden_truth(out / "cleaning" / "hidden-truth.npz").gross
    off_mm = -pq.read_table(out / "cleaning" / "scores.parquet")["score"].to_numpy()
    off_mm = off_mm.clip(max=np.quantile(off_mm, 0.98))  # a few are metres off
    threshold = read_json(out / "cleaning" / "figures.json")["most_mm"]
    return plots.histogram(off_mm[~gross], off_mm[gross], threshold, "said to be off across the picture (mm)")
