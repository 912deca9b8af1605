"""Predict the people of photographs into a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from adhmr.export.kinds import DEFAULT_EXPORTS
from adhmr.export.photographs import PhotographExporter, PhotographPeople
from adhmr.predicting import Predictor, Shot, predictions_of, shots_of
from adhmr.tables import Rows
from hmr.photographs.cameras import Cameras
from hmr.photographs.folder import Photographs, Skipped, output_names
from hmr.photographs.sources import PeopleSource
from hmr.prediction import Prediction


@dataclass(frozen=True)
class Written:
    """rows: one for each candidate, best first. skipped: what could not be done. told: who was found where, in words."""

    rows: Rows
    skipped: list[Skipped]
    told: str


def predict_into(
    out: Path,
    photographs: Photographs,
    people: PeopleSource,
    predictor: Predictor,
    cameras: Cameras,
    at: Callable[[float], None],
    exports: Sequence[str] = DEFAULT_EXPORTS,
) -> Written:
    """For each photograph what ``exports`` names (adhmr.export.kinds). at: called with the share that is done."""
    exporter = PhotographExporter(out, predictor.body, exports)
    keys = output_names(photographs.names)
    rows, found = Rows(), 0
    skipped = [*photographs.not_read, *people.skipped, *cameras.skipped]

    def shots() -> Iterator[Shot]:
        for number, (_, shot, left_out) in enumerate(shots_of(photographs, keys, people, cameras)):
            skipped.extend(left_out)
            at(number / len(keys))
            if shot is not None:
                yield shot

    for shot, prediction in predictions_of(predictor, shots()):
        exporter.add(_people(keys[shot.name], shot, prediction))
        rows.add(rows_of(shot.name, prediction))
        found += len(prediction)
    exporter.finish()
    return Written(rows, skipped, f"{found} people in {len(keys)} photographs")


def _people(name: str, shot: Shot, prediction: Prediction) -> PhotographPeople:
    boxes = np.array([person.box_xyxy for person in shot.people])
    return PhotographPeople(shot.name, name, shot.photograph, boxes, prediction)


def rows_of(image: str, prediction: Prediction) -> list[dict[str, Any]]:
    """Of the table of all people: one for each candidate of each person, best first."""
    return [
        {
            "image": image, "key": key, "rank": rank + 1, "score": float(prediction.score[i, rank]),
            "expected_pve_mm": float(prediction.expected_error_mm[i, rank]),
        }
        for i, key in enumerate(prediction.views.key)
        for rank in range(prediction.score.shape[1])
    ]  # fmt: skip
