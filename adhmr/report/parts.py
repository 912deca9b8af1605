"""What the pages of both demos show: changes, pictures of a set, curves."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from adhmr.report import plots
from adhmr.tracking import read_curve
from hmr.body import BodyParams
from hmr.free_body import free_body
from hmr.rendering.overlay import draw_body, enlarged
from hmr.samples import Samples

CHANGES = {
    "selected_pve_percent": "selected", "mean_pve_percent": "mean", "mean_sample_pve_percent": "mean sample",
    "energy_score_percent": "energy score", "spread_percent": "spread",
}  # fmt: skip


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
