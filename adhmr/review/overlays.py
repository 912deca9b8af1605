"""Pictures of some labels: the crop with the label's bones, the keypoint that seems furthest off in a ring."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from adhmr.cleaning import Cleaned
from adhmr.review.sample import bones_over, unit_of_row
from data_cleaning.decode import Decoded
from data_cleaning.units import opened
from hmr.formats.labels.our_folder import OurFolder
from hmr.rendering.overlay import data_uri
from hmr.skeleton import KEYPOINT_NAMES

PIXELS = 224


def rows_worth_seeing(value: np.ndarray, keep: np.ndarray, count: int) -> np.ndarray:
    """Of value (n,), lower is better, NaN where a label cannot be judged: half of ``count`` on both sides of where keeping ends,
    a quarter of the worst, and a quarter spread evenly over what is kept. In order, without repeats."""
    order = np.argsort(value, kind="stable")
    order = order[np.isfinite(value[order])]
    edge = int(keep[order].sum())
    around = order[max(0, edge - count // 4) : edge + count // 4]
    worst = order[::-1][: count // 4]
    kept = order[keep[order]]
    spread = kept[np.linspace(0, len(kept) - 1, min(count // 4, len(kept))).astype(int)] if len(kept) else kept
    return np.unique(np.concatenate([around, worst, spread])).astype(int)


def draw(decoded: Decoded, worst_keypoint: str) -> str:
    """A data URI of the first label of ``decoded``; empty when it cannot be drawn."""
    bones = bones_over(decoded, PIXELS)
    if bones is None:
        return ""
    _, over, xy = bones
    drawn = Image.fromarray(over)
    x, y = xy[KEYPOINT_NAMES.index(worst_keypoint)]
    ImageDraw.Draw(drawn).ellipse([x - 11, y - 11, x + 11, y + 11], outline=(230, 60, 50), width=3)
    return data_uri(np.asarray(drawn), 80)


def overlays(cleaned: Cleaned, rows: np.ndarray) -> dict[int, str]:
    """Row of the whole set to a picture of it."""
    decoder = cleaned.job.decoder(crop_size(cleaned))
    out: dict[int, str] = {}
    for row in rows.tolist():
        try:
            out[row] = draw(decoder(unit_of_row(cleaned.units, row)), cleaned.verdicts[row].worst_keypoint)
        except (ValueError, OSError):
            continue  # a photograph that is gone since it was scored
    return {row: uri for row, uri in out.items() if uri}


def crop_size(cleaned: Cleaned) -> int:
    """Of our own set that of its pictures; of photographs one that is good to look at."""
    if cleaned.units and cleaned.units[0].path.is_dir():
        file, _ = opened(cleaned.units[0].path, None)
        if isinstance(file, OurFolder):
            return file.samples.size
    return PIXELS
