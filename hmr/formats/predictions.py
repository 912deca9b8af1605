"""What `adhmr predict` writes of a photograph: p people with n ranked bodies each, in the photograph's camera frame."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hmr.body import BodyModel, BodyParams, check_body, smpl_keypoints
from hmr.body_codec import SMPLX_ARRAYS, bodies_of_arrays
from hmr.formats.person_candidate import PersonCandidate
from hmr.formats.smpl_parameters import StandIn
from hmr.free_body import free_body, free_body_with_hands
from hmr.photographs.folder import Photographs
from hmr.skeleton import NUM_KEYPOINTS

#: In files made of predictions for other programs: in a folder of predictions their bodies would be candidates a second time.
EXPORT_MARK = "exported_from"
_MARKS = {"key", "box_xyxy", "t_cam_root", "global_orient", "body_pose", "body_model", "K"}


def is_prediction(content: dict[str, Any]) -> bool:
    return set(content) >= _MARKS


def _model_of(name: str, given: BodyModel) -> BodyModel:
    """The body that a file's parameters are of. Raises ValueError when the user's own model of them is needed."""
    if name.startswith("free-body-with-hands-"):
        return free_body_with_hands()
    if name.startswith("free-body-"):
        return free_body(6900)
    if isinstance(given, StandIn):
        raise ValueError(f"its bodies are of '{name}'; give --body_model, that model's file")
    check_body("file", name, given)
    return given


@dataclass(frozen=True)
class PredictedPeople:
    """The p people of a photograph.

    Attributes:
        key: name of each person.
        params: [p, n] bodies in the photograph's camera frame, the best first.
        model: the body that they are of.
        K: (3, 3) of the photograph, pixels.
        score: (p, n), higher is better.
        expected_pve_mm: (p, n); NaN where the scorer was not calibrated.
    """

    key: list[str]
    params: BodyParams
    model: BodyModel
    K: Tensor
    score: np.ndarray
    expected_pve_mm: np.ndarray


def predicted_people(content: dict[str, Any], where: str, body: BodyModel) -> PredictedPeople:
    """A file's arrays as values. body: the user's own model; of a free body the file's own is taken.

    Raises ValueError for arrays that are missing or do not fit, or bodies of a model that is not at hand.
    """
    arrays = {name: np.asarray(content[name]) for name in SMPLX_ARRAYS if name in content}
    params = bodies_of_arrays(arrays, where)
    if len(params.batch_shape) != 2:
        raise ValueError(f"{where}: expected bodies [people, candidates], got {tuple(params.batch_shape)}")
    p, n = params.batch_shape
    given = {"key": (p,), "K": (3, 3), "score": (p, n), "expected_pve_mm": (p, n)}
    for name, shape in given.items():
        if (got := np.shape(content.get(name, ()))) != shape:
            raise ValueError(f"{where}: '{name}' should be {shape}, is {got}")
    return PredictedPeople(
        [str(key) for key in content["key"]],
        params,
        _model_of(str(np.asarray(content["body_model"])), body),
        torch.from_numpy(np.asarray(content["K"], dtype=np.float32)),
        np.asarray(content["score"], dtype=np.float64),
        np.asarray(content["expected_pve_mm"], dtype=np.float64),
    )


def read_predictions(
    content: dict[str, Any], path: Path, model: str, photographs: Photographs, body: BodyModel
) -> list[PersonCandidate]:
    """All ranked bodies of all people. The photograph is the one whose name the file bears.

    Raises ValueError for arrays that do not fit, or bodies of a model that is not at hand.
    """
    people = predicted_people(content, str(path), body)
    points, known = smpl_keypoints(people.model, people.params), torch.ones(NUM_KEYPOINTS, dtype=torch.bool)
    image = photographs.of_stem(path.stem)
    return [
        PersonCandidate(image, model, f"{path}, person {p}, body {n}", points[p, n], known, people.K)
        for p in range(points.shape[0])
        for n in range(points.shape[1])
    ]
