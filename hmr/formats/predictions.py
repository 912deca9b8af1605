"""What `adhmr predict` writes of a photograph: p people with n ranked bodies each, in the photograph's camera frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from hmr.body import BodyModel, check_body, smpl_keypoints
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


def read_predictions(
    content: dict[str, Any], path: Path, model: str, photographs: Photographs, body: BodyModel
) -> list[PersonCandidate]:
    """All ranked bodies of all people. The photograph is the one whose name the file bears.

    Raises ValueError for arrays that do not fit, or bodies of a model that is not at hand.
    """
    arrays = {name: np.asarray(content[name]) for name in SMPLX_ARRAYS if name in content}
    params = bodies_of_arrays(arrays, str(path))
    points = smpl_keypoints(_model_of(str(np.asarray(content["body_model"])), body), params)
    image = photographs.of_stem(path.stem)
    K, known = torch.from_numpy(np.asarray(content["K"], dtype=np.float32)), torch.ones(NUM_KEYPOINTS, dtype=torch.bool)
    return [
        PersonCandidate(image, model, f"{path}, person {p}, body {n}", points[p, n], known, K)
        for p in range(points.shape[0])
        for n in range(points.shape[1])
    ]
