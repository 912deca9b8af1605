"""From scores to the ranked table and the leaderboards."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pyarrow as pa

from adhmr.ranking.field import Field
from hmr.skeleton import PARTS
from scorer.leaderboard import leaderboard
from scorer.scores import Scores


def ranked_rows(field: Field, scores: Scores) -> pa.Table:
    """A row for each candidate, best first within each picture.

    Columns: key, rank (1 is best), model, candidate, score, expected PVE, probability of a gross error, on how many keypoints the
    picture's candidates were compared, what its keypoints were made of, where it came from, how far each part seems to be off.
    """
    rows, of_part = [], {part: scores.part_mm(part) for part in PARTS}
    for i, entries in enumerate(field.entries):
        value, common = scores.value[i, : len(entries)].numpy(), int(field.common(i).sum())
        for rank, k in enumerate(np.argsort(-value, kind="stable"), 1):
            entry = entries[k]
            rows.append(
                {
                    "key": field.keys[i],
                    "rank": rank,
                    "model": entry.model,
                    "candidate": entry.candidate,
                    "score": float(value[k]),
                    "expected_pve_mm": float(scores.expected_error_mm[i, k]),
                    "expected_pve_low_mm": float(scores.interval_mm[0][i, k]),
                    "expected_pve_high_mm": float(scores.interval_mm[1][i, k]),
                    "gross_probability": float(scores.gross_probability[i, k]),
                    "keypoints": common,
                    "by": entry.by,
                    "where": entry.where,
                    **{f"{part}_mm": float(values[i, k]) for part, values in of_part.items()},
                }
            )
    return pa.Table.from_pylist(rows)


def mean_score_by_model(field: Field, scores: Scores) -> tuple[list[str], np.ndarray]:
    """Names and (pictures, models): the mean score of a model's candidates, NaN where it has none.

    The mean, not the best: else the model with the most candidates would win.
    """
    models = field.models
    out = np.full((len(field), len(models)), np.nan)
    for i, entries in enumerate(field.entries):
        for m, model in enumerate(models):
            own = [float(scores.value[i, k]) for k, entry in enumerate(entries) if entry.model == model]
            if own:
                out[i, m] = np.mean(own)
    return models, out


def leaderboards(field: Field, scores: Scores, tags: dict[str, list[str]], seed: int) -> pa.Table:
    """Ratings over all pictures, and over those of each tag (key to its tags). Empty for a single model."""
    models, score = mean_score_by_model(field, scores)
    if len(models) < 2:
        return pa.table({"category": pa.array([], pa.string())})
    categories = {"all": np.ones(len(score), dtype=bool)}
    for tag in sorted({tag for several in tags.values() for tag in several}):
        categories[tag] = np.array([tag in tags.get(key, []) for key in field.keys])
    rows = []
    for category, chosen in categories.items():
        met = score[chosen][(~np.isnan(score[chosen])).sum(1) >= 2]
        if len(met):
            rows += [{"category": category, "pictures": len(met), **asdict(r)} for r in leaderboard(models, met, seed)]
    return pa.Table.from_pylist(rows)
