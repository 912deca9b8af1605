"""Plots as SVG text for the page."""

from __future__ import annotations

import io
import re

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure as Canvas

mpl.rcParams["svg.hashsalt"] = "adhmr"
COLOURS = {
    "base": "#5b7fbf",
    "aligned": "#2a9d5c",
    "random_pairs": "#9a9a9a",
    "consensus_pairs": "#c9a227",
    "sft": "#b4652a",
    "regressor": "#7a5ea8",
}


def _svg(canvas: Canvas) -> str:
    canvas.set_layout_engine("tight")
    stream = io.StringIO()
    canvas.savefig(stream, format="svg", metadata={"Date": None}, transparent=True)
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    return re.sub(r'(<svg [^>]*?)width="[^"]*" height="[^"]*"', r'\1class="plot"', text, count=1)


def _axes(width: float = 5.2, height: float = 3.4):
    canvas = Canvas(figsize=(width, height))
    axes = canvas.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return canvas, axes


def score_against_error(score: np.ndarray, error_mm: np.ndarray, title: str) -> str:
    """A point for each candidate."""
    canvas, axes = _axes()
    axes.scatter(
        score.ravel()[:3000], error_mm.ravel()[:3000], s=5, alpha=0.35, color="#5b7fbf", linewidths=0, rasterized=True
    )
    axes.set_xlabel("score (raw)")
    axes.set_ylabel("true PVE (mm)")
    axes.set_title(title, fontsize=10)
    return _svg(canvas)


def reliability(expected: np.ndarray, true: np.ndarray, title: str, what: tuple[str, str]) -> str:
    """Expected against true values of like candidates, (bins,) each; on the line the expectation is right. what: both axes."""
    canvas, axes = _axes()
    top = 1.05 * max(expected.max(), true.max())
    axes.plot([0, top], [0, top], color="#999", linewidth=1, linestyle="--")
    axes.plot(expected, true, "o-", color="#2a9d5c", markersize=4, linewidth=1.2)
    axes.set_xlim(0, top)
    axes.set_ylim(0, top)
    axes.set_xlabel(what[0])
    axes.set_ylabel(what[1])
    axes.set_title(title, fontsize=10)
    return _svg(canvas)


def change_bars(change: dict[str, dict], keys: dict[str, str]) -> str:
    """Paired change against the base for each generator, with intervals."""
    canvas, axes = _axes(7.0, 3.6)
    names = list(change)
    for i, name in enumerate(names):
        figures = [change[name][key] for key in keys]
        value = np.array([f["value"] for f in figures])
        error = np.array([[f["value"] - f["low"] for f in figures], [f["high"] - f["value"] for f in figures]])
        place = np.arange(len(keys)) + (i - (len(names) - 1) / 2) * 0.18
        axes.bar(place, value, 0.17, yerr=error, color=COLOURS[name], label=name.replace("_", " "), capsize=2)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set_xticks(np.arange(len(keys)), list(keys.values()))
    axes.set_ylabel("change against the base (%)")
    axes.legend(frameon=False, fontsize=8, ncols=2)
    return _svg(canvas)


def curves(named: dict[str, list[dict[str, float]]], key: str, title: str) -> str:
    """One training curve for each name."""
    canvas, axes = _axes(4.4, 2.8)
    for name, points in named.items():
        present = [(p["step"], p[key]) for p in points if key in p]
        if present:
            axes.plot(*zip(*present, strict=True), label=name, linewidth=1.2)
    axes.set_xlabel("step")
    axes.set_title(title, fontsize=10)
    if len(named) > 1:
        axes.legend(frameon=False, fontsize=7)
    return _svg(canvas)


def histogram(
    good: np.ndarray, bad: np.ndarray, threshold: float, what: str = "estimated probability of a gross error"
) -> str:
    """What a scorer says of good and bad labels, and the threshold between."""
    canvas, axes = _axes()
    edges = np.linspace(min(good.min(), bad.min()), max(good.max(), bad.max()), 40)
    axes.hist(good, edges, color="#2a9d5c", alpha=0.7, label="small error")
    axes.hist(bad, edges, color="#c0504d", alpha=0.7, label="gross error")
    axes.axvline(threshold, color="black", linewidth=1, linestyle="--", label="threshold")
    axes.set_xlabel(what)
    axes.set_ylabel("labels")
    axes.legend(frameon=False, fontsize=8)
    return _svg(canvas)
