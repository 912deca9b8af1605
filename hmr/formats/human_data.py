"""HumanData .npz (mmhuman3d): many people of many photographs, SMPL or SMPL-X parameters with their translation.

Camera: focal length and principal point of ``meta``, for all rows or a row each; without them the photograph's diagonal and its
centre. Parameters are in the camera frame (x right, y down, z forward), metres.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from hmr.body import BodyModel
from hmr.camera import default_K
from hmr.formats.person_candidate import PersonCandidate, Unreadable
from hmr.formats.photographs import Photographs, pinhole
from hmr.formats.smpl_parameters import keypoints_of_parameters
from hmr.skeleton import NUM_KEYPOINTS


def is_human_data(content: dict[str, Any]) -> bool:
    return "image_path" in content and any(isinstance(content.get(k), dict) for k in ("smpl", "smplx"))


def _row(values: Any, row: int, width: int) -> tuple[float, ...] | None:
    """One row's numbers of a value for all rows or for each; None where there is no such value."""
    if values is None:
        return None
    array = np.asarray(values, dtype=np.float64).reshape(-1, width) if np.size(values) >= width else None
    if array is None:
        array = np.repeat(np.asarray(values, dtype=np.float64).reshape(-1, 1), width, 1)
    return tuple(array[row if len(array) > 1 else 0])


def read_human_data(
    content: dict[str, Any], where: str, model: str, photographs: Photographs, body: BodyModel
) -> Iterator[PersonCandidate | Unreadable]:
    """Each row in turn."""
    parameters: dict[str, Any] = content["smplx"] if isinstance(content.get("smplx"), dict) else content["smpl"]
    if missing := {"global_orient", "body_pose", "betas", "transl"} - set(parameters):
        yield Unreadable(
            where, f"its parameters lack {sorted(missing)}; without a translation there is no place in the picture"
        )
        return
    meta = content["meta"] if isinstance(content.get("meta"), dict) else {}
    known = torch.ones(NUM_KEYPOINTS, dtype=torch.bool)
    for row, image in enumerate(content["image_path"]):
        place = f"{where}, row {row}"
        try:
            name = photographs.named(str(image))
            points = keypoints_of_parameters(
                *(parameters[k][row] for k in ("global_orient", "body_pose", "betas", "transl")), model=body
            )
            focal, principal = _row(meta.get("focal_length"), row, 2), _row(meta.get("principal_point"), row, 2)
            w, h = photographs.size_wh(name)
            K = default_K(w, h) if focal is None else pinhole((focal[0], focal[1]), (w / 2, h / 2))
            if principal is not None:
                K[0, 2], K[1, 2] = principal
            yield PersonCandidate(name, model, place, points, known, K)
        except (ValueError, IndexError, KeyError, OSError) as error:
            yield Unreadable(place, str(error))
