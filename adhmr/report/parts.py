"""What the pages of all demos are made of: their style, tables, pictures with captions."""

from __future__ import annotations

import html
from pathlib import Path

import numpy as np

from adhmr.figures import Figure
from adhmr.report import plots
from adhmr.tracking import read_curve
from hmr.body import BodyParams
from hmr.free_body import free_body
from hmr.rendering.overlay import data_uri, draw_body, enlarged
from hmr.samples import Samples

STYLE = """
:root{color-scheme:light}
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:1100px;padding:1.2rem;color:#1c2430;background:#fbfbfa}
h1{font-size:1.7rem;margin:.2em 0}h2{font-size:1.25rem;margin:2.2em 0 .4em;border-top:1px solid #dde;padding-top:1em}
p{max-width:70ch}.note{color:#566}.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:.86rem;margin:.6em 0;min-width:100%}
th,td{padding:.28em .6em;text-align:right;white-space:nowrap;border-bottom:1px solid #e6e6ea}
th:first-child,td:first-child{text-align:left}tr.us{background:#e9f5ee}small{color:#678;font-size:.82em}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:.6rem}
figure{margin:0}figure img{width:100%;display:block;border-radius:4px}figcaption{font-size:.78rem;color:#456;line-height:1.3}
.row{display:grid;grid-template-columns:repeat(5,minmax(0,1fr));gap:.4rem;margin:.4rem 0}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(300px,1fr));gap:1rem}svg.plot{width:100%;height:auto;max-width:640px}
@media(max-width:600px){body{padding:.7rem;font-size:15px}.row figcaption{font-size:.64rem}}
"""

CHANGES = {
    "selected_pve_percent": "selected", "mean_pve_percent": "mean", "mean_sample_pve_percent": "mean sample",
    "energy_score_percent": "energy score", "spread_percent": "spread",
}  # fmt: skip


def cell(figure: Figure, digits: int = 0) -> str:
    return f"{figure['value']:.{digits}f} <small>[{figure['low']:.{digits}f}, {figure['high']:.{digits}f}]</small>"


def table(head: list[str], rows: list[tuple[str, list[str]]], highlight: str = "") -> str:
    header = "".join(f"<th>{html.escape(h)}</th>" for h in head)
    body = "".join(
        f"<tr{' class=us' if name == highlight else ''}><td>{html.escape(name.replace('_', ' '))}</td>"
        + "".join(f"<td>{cell}</td>" for cell in cells)
        + "</tr>"
        for name, cells in rows
    )
    return f"<div class=scroll><table><tr>{header}</tr>{body}</table></div>"


def captioned(picture: np.ndarray, caption: str) -> str:
    text = html.escape(caption)
    return f'<figure><img alt="{text}" src="{data_uri(picture)}"><figcaption>{text}</figcaption></figure>'


class Pictures:
    """Draws over the small pictures of one set."""

    def __init__(self, samples: Samples, factor: int = 4) -> None:
        self.samples, self.factor, self.model = samples, factor, free_body(6900)

    def plain(self, i: int) -> np.ndarray:
        return enlarged(self.samples.rgb[i].permute(1, 2, 0).numpy(), self.samples.K[i].numpy(), self.factor)[0]

    def drawn(self, i: int, params: BodyParams, colour: tuple[float, float, float]) -> np.ndarray:
        rgb, K = enlarged(self.samples.rgb[i].permute(1, 2, 0).numpy(), self.samples.K[i].numpy(), self.factor)
        return draw_body(rgb, params, K, self.model, colour)


def curves_section(out: Path) -> str:
    """Of all training loops of a demo."""
    files = {p.stem: read_curve(p) for p in sorted((out / "curves").glob("*.jsonl"))}
    aligned = {k.removeprefix("align-"): v for k, v in files.items() if k.startswith("align-")}
    drawn = [plots.curves({k: v}, "loss", k) for k, v in files.items() if not k.startswith("align-")]
    for key in (
        "rewards/accuracies",
        "rewards/margins",
        "errors/chosen_above_reference",
        "errors/rejected_above_reference",
    ):
        drawn.append(plots.curves(aligned, key, key))
    return f"<div class=plots>{''.join(drawn)}</div>"
