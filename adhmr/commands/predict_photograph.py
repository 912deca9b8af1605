"""One photograph: crops, candidates, scores, files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from adhmr.photographs.export import write_meshes, write_overlay, write_parameters
from hmr.body import BodyParams
from hmr.estimator import Estimator, name_of
from hmr.photographs.people import Skipped, crops, people_of
from hmr.photographs.read import read_photograph
from hmr.smpl_layout import LayoutBody
from scorer.consensus import score_weights, weighted_mean_body
from scorer.protocol import AnyScorer

if TYPE_CHECKING:
    from adhmr.commands.predict import Options

Rows = list[dict[str, Any]]


def predict_photograph(
    image: Path,
    boxes: dict[str, list[tuple[str, list[float]]]] | None,
    generator: Estimator,
    scorer: AnyScorer,
    body: LayoutBody,
    options: Options,
    out: Path,
) -> tuple[Rows, list[Skipped]]:
    """Writes the photograph's files; returns a row for each candidate, best first, and what was skipped."""
    photograph = read_photograph(image)
    people, skipped = people_of(image, photograph.shape[1], photograph.shape[0], boxes)
    if not people:
        return [], skipped or [Skipped(image.name, "no people in the boxes file")]
    samples, K = crops(photograph, people, generator.crop_size, options.focal_px)
    hypotheses = generator.propose(samples, body, options.candidates, options.seed, name_of(options.generator))
    seen, _ = crops(photograph, people, scorer.crop_size, options.focal_px)
    scores = scorer.score(seen, replace(hypotheses, K=seen.K), body)
    order = scores.value.argsort(dim=1, descending=True)
    rows_index = torch.arange(len(people))[:, None]
    ranked = BodyParams(*(getattr(hypotheses.params, f)[rows_index, order] for f in BodyParams.__dataclass_fields__))
    value = scores.value.gather(1, order).numpy()
    expected = scores.expected_error_mm.gather(1, order).numpy()
    keys = [person.key for person in people]
    estimate = ranked[:, 0]
    if options.estimate == "weighted_mean":
        estimate = weighted_mean_body(hypotheses.params, score_weights(scores.value))
    boxes_xyxy = [p.box_xyxy for p in people]
    write_parameters(out / f"{image.stem}.npz", keys, boxes_xyxy, ranked, estimate, value, expected, K, body)
    for i, key in enumerate(keys):
        write_meshes(out / key, estimate[i], body)
    write_overlay(out / f"{image.stem}.png", photograph, estimate, K, body)
    rows = [
        {
            "image": image.name, "key": keys[i], "rank": r + 1, "score": float(value[i, r]),
            "expected_pve_mm": float(expected[i, r]),
        }
        for i in range(len(keys))
        for r in range(value.shape[1])
    ]  # fmt: skip
    return rows, skipped
