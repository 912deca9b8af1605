"""Predict the people of photographs into a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from adhmr.photographs.export import write_meshes, write_overlay, write_parameters
from adhmr.predicting import Predictor, Shot, predictions_of, shots_of
from hmr.photographs.folder import Photographs, Skipped, output_names
from hmr.photographs.people import PeopleFile
from hmr.prediction import Prediction


@dataclass(frozen=True)
class Written:
    """rows: one for each candidate, best first. skipped: what could not be done."""

    rows: list[dict[str, Any]]
    skipped: list[Skipped]


def predict_into(
    out: Path,
    photographs: Photographs,
    people: PeopleFile | None,
    predictor: Predictor,
    focal_px: float | None,
    at: Callable[[float], None],
) -> Written:
    """For each photograph NAME.npz, NAME.png and the meshes of its people. at: called with the share that is done."""
    keys = output_names(photographs.names)
    rows: list[dict[str, Any]] = []
    skipped = [*photographs.not_read, *(people.skipped if people is not None else [])]

    def shots() -> Iterator[Shot]:
        for number, (_, shot, left_out) in enumerate(shots_of(photographs, keys, people, focal_px)):
            skipped.extend(left_out)
            at(number / len(keys))
            if shot is not None:
                yield shot

    for shot, prediction in predictions_of(predictor, shots()):
        _write(out, keys[shot.name], shot, prediction, predictor)
        rows += _rows(shot.name, prediction)
    return Written(rows, skipped)


def _write(out: Path, name: str, shot: Shot, prediction: Prediction, predictor: Predictor) -> None:
    boxes = np.array([person.box_xyxy for person in shot.people])
    write_parameters(out / f"{name}.npz", prediction, boxes, predictor.body)
    for i, person in enumerate(shot.people):
        write_meshes(out / person.key, prediction.estimate[i], predictor.body)
    write_overlay(out / f"{name}.png", shot.photograph, prediction, predictor.body)


def _rows(image: str, prediction: Prediction) -> list[dict[str, Any]]:
    return [
        {
            "image": image, "key": key, "rank": rank + 1, "score": float(prediction.score[i, rank]),
            "expected_pve_mm": float(prediction.expected_error_mm[i, rank]),
        }
        for i, key in enumerate(prediction.views.key)
        for rank in range(prediction.score.shape[1])
    ]  # fmt: skip
