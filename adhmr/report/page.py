"""``report.html`` of a demo: one self-contained page with pictures, plots and tables."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import numpy as np

from adhmr.demo.metrics import ORDER, collect_metrics
from adhmr.evaluation import PROTOCOL, calibration_bins
from adhmr.report import plots
from adhmr.report.elements import cell, figure, page, table
from adhmr.report.parts import CHANGES, Pictures, curves_section
from adhmr.world.hidden_truth import load_hidden_truth
from data_cleaning.score import score_labels
from hmr.displacement import GROSS_MM, worst_displacement_mm
from hmr.files import read_json, write_atomically
from hmr.free_body import free_body
from hmr.hypotheses import load_hypotheses
from hmr.metrics import errors_of_hypotheses_mm
from hmr.rendering.overlay import BLUE, GREEN, ORANGE, RED
from hmr.samples import load_samples
from scorer import Scorer

COLUMNS = {
    "selected_pve_mm": "selected", "weighted_mean_pve_mm": "weighted mean", "mean_pve_mm": "mean",
    "min_pve_mm": "min of M", "zero_noise_pve_mm": "zero noise", "mean_sample_pve_mm": "mean sample",
    "energy_score_mm": "energy score", "spread_mm": "spread",
}  # fmt: skip


def _hypotheses_section(out: Path, scorer: Scorer, count: int) -> tuple[str, str]:
    """Pictures with the best and worst hypotheses and what alignment changed; and score against error."""
    truth = load_samples(out / "data" / "test-target")
    base = load_hypotheses(out / "evaluation" / "base-target.npz")
    aligned = load_hypotheses(out / "evaluation" / "aligned-target.npz")
    model = free_body(1200)
    errors = errors_of_hypotheses_mm(base.params, truth.label, model)["pve"]
    aligned_errors = errors_of_hypotheses_mm(aligned.params, truth.label, model)["pve"]
    scores = scorer.score(truth, base, model)
    score = scores.value
    aligned_score = scorer.score(truth, aligned, model).value
    pictures = Pictures(truth)
    rows = []
    for i in range(min(count, len(truth))):
        best, worst, new = int(score[i].argmax()), int(score[i].argmin()), int(aligned_score[i].argmax())
        cells = [
            figure(pictures.plain(i), "picture"),
            figure(pictures.drawn(i, truth.label[i], BLUE), "truth"),
            figure(pictures.drawn(i, base.params[i, best], GREEN), f"base, best score: {errors[i, best]:.0f} mm"),
            figure(pictures.drawn(i, base.params[i, worst], RED), f"base, worst score: {errors[i, worst]:.0f} mm"),
            figure(
                pictures.drawn(i, aligned.params[i, new], ORANGE),
                f"aligned, best score: {aligned_errors[i, new]:.0f} mm",
            ),
        ]
        rows.append(f"<div class=row>{''.join(cells)}</div>")
    scatter = plots.score_against_error(score.numpy(), errors.numpy(), "target: the base's samples")
    bins = calibration_bins(scores.expected_error_mm.numpy(), errors.numpy())
    axes = ("expected PVE (mm)", "true PVE (mm)")
    return "".join(rows), scatter + plots.reliability(*bins, "target: is the expected error right?", axes)


def _cleaning_section(out: Path, scorer: Scorer) -> str:
    samples = load_samples(out / "data" / "to-clean")
    hidden, body = load_hidden_truth(out / "data" / "to-clean" / "hidden-truth.npz"), free_body(1200)
    kind = np.array(hidden.error_kind)
    gross = score_labels(scorer, samples, body).gross_probability
    off = worst_displacement_mm(samples, hidden.label, body) > GROSS_MM
    bins = calibration_bins(gross, off.astype(float))
    axes = ("probability of a gross error", "share with a gross error")
    threshold = read_json(out / "cleaning" / "figures.json")["max_gross_probability"]
    pictures = Pictures(samples)

    def cards(rows: np.ndarray, colour) -> str:
        return "".join(
            figure(pictures.drawn(i, samples.label[i], colour), f"{kind[i]}; gross error: {gross[i]:.0%}") for i in rows
        )

    order = np.argsort(-gross)
    dropped, kept = order[gross[order] > threshold], order[gross[order] <= threshold]
    near = dropped[-6:]
    parts = [
        f"<div class=plots>{plots.histogram(gross[kind == 'small'], gross[kind != 'small'], threshold)}"
        f"{plots.reliability(*bins, 'is the probability right?', axes)}</div>",
        f"<h3>Dropped (worst first)</h3><div class=cards>{cards(dropped[:6], RED)}</div>",
        f"<h3>Dropped, but only just</h3><div class=cards>{cards(near, ORANGE)}</div>",
        f"<h3>Kept</h3><div class=cards>{cards(kept[-6:], GREEN)}</div>",
    ]
    return "".join(parts)


def _tables(metrics: dict[str, Any]) -> str:
    parts = []
    for domain in ("target", "target_ambiguous", "source"):
        rows = [(n, [cell(metrics["generators"][n][domain][k]) for k in COLUMNS]) for n in ORDER]
        count = metrics["generators"]["base"][domain]["mean_pve_mm"]["n"]
        parts.append(f"<h3>{domain.replace('_', ' ')} (PVE, mm; n = {count} pictures)</h3>")
        parts.append(table(["generator", *COLUMNS.values()], rows, "aligned"))
    return "".join(parts)


def _change_table(metrics: dict[str, Any]) -> str:
    rows = []
    for name in ORDER[1:-1]:
        row = metrics["change"][name]
        cells = [cell(row["target"][k], 1) for k in CHANGES] + [cell(row["source"]["energy_score_percent"], 1)]
        rows.append((name, cells))
    return table(["against the base, %", *CHANGES.values(), "source energy score"], rows, "aligned")


def _scorer_table(metrics: dict[str, Any]) -> str:
    rows = []
    for kind, row in metrics["scorer"].items():
        blind = metrics["scorer_no_image"][kind]
        figures = (row["within_srcc_pve"], blind["within_srcc_pve"], row["medoid_within_srcc_pve"],
                   row["partial_within_srcc_pve"], row["pooled_srcc_pve"], row["pooled_plcc_pve"])  # fmt: skip
        rows.append((kind, [cell(f, 2) for f in figures]))
    head = ["candidates", "SRCC within", "no picture", "medoid", "partial given medoid", "SRCC pooled", "PLCC pooled"]
    return table(head, rows)


def write_report(out: Path, examples: int = 8) -> Path:
    """The page of a demo's folder; returns its path. Raises ValueError when a stage's files are missing."""
    metrics = collect_metrics(out)
    scorer = Scorer.from_pretrained(out / "scorer")
    calibration = metrics["calibration"]["generator_samples"]
    off_percent, coverage = cell(calibration["error_percent"], 1), cell(calibration["coverage"], 2)
    rows, scatter = _hypotheses_section(out, scorer, examples)
    change = {n: metrics["change"][n]["target"] for n in ORDER[1:-1]}
    c = metrics["cleaning"]
    state = read_json(out / "demo.json")["identity"]
    body = f"""<h1>ADHMR demo</h1>
<p class=note>Budget {state["budget"]}, seed {state["seed"]}. All of it was trained and measured in the synthetic world by one
run. {html.escape(PROTOCOL)}.</p>
<h2>What alignment changed on the shifted target</h2>
<p>Paired change against the base on the same pictures. Mean and min-of-M can be had by contraction alone; the error of the mean
sample and the energy score cannot. The controls had the same budget.</p>
<div class=plots>{plots.change_bars(change, CHANGES)}</div>{_change_table(metrics)}
<h2>Pictures, best and worst hypotheses</h2>{rows}
<h2>Scorer</h2><p>Spearman correlation between score and error, within each picture and pooled over all.</p>
<div class=plots>{scatter}</div>
<p>Expected errors were calibrated on held-out pictures of another domain. On the target they are off by {off_percent} % of the
mean error, and {coverage} of the true errors lie in their 90 % intervals.</p>{_scorer_table(metrics)}
<h2>All generators</h2>{_tables(metrics)}
<h2>Cleaning</h2><p>Gross label errors were dropped with precision {cell(c["precision"], 2)} and recall {cell(c["recall"], 2)};
{cell(c["kept"], 2)} of the labels are kept. The threshold was chosen on other labels of the kind that somebody checked. The
probability, calibrated on another domain, has a Brier score of {cell(c["brier_score"], 3)} (0.25: a coin).</p>
{_cleaning_section(out, scorer)}
<h2>Training curves</h2>{curves_section(out)}"""
    path = out / "report.html"
    with write_atomically(path) as partial:
        partial.write_text(page("ADHMR demo", body))
    return path
