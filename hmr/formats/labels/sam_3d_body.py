"""A person of SAM 3D Body's annotations: a row of its parquets, or an entry of its tars."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from hmr.camera import default_K
from hmr.formats.from_keypoints import MHR_70, ours, placed
from hmr.formats.person_candidate import BY_KEYPOINTS, PersonCandidate
from hmr.photographs.folder import PictureSource

_MHR_TO_CAMERA = np.array([1.0, -1.0, -1.0], dtype=np.float32)


def _of_seventy(values: Any, width: int) -> tuple[np.ndarray, np.ndarray]:
    """(70, width) and which are given (70,): a last column beyond ``width`` is a confidence."""
    array = np.array([np.asarray(v, dtype=np.float32) for v in values]).reshape(len(values), -1)
    if len(array) != 70 or array.shape[1] < width:
        raise ValueError(f"expected 70 MHR keypoints of {width} numbers, got {array.shape}")
    sure = array[:, width] > 0 if array.shape[1] > width else np.ones(70, dtype=bool)
    return array[:, :width], sure & np.isfinite(array[:, :width]).all(1)


def sam_3d_body(
    keypoints_2d: Any, keypoints_3d: Any, cam_int: Any, image: str, where: str, photographs: PictureSource
) -> PersonCandidate:
    """2D keypoints (70, 2 or 3) with the depths of the 3D ones (70, 3 or 4; in MHR's frame, y up and z to the viewer), 20 of our
    29, under cam_int (3, 3), or None for the photograph's diagonal. Raises ValueError for other shapes, or too few keypoints."""
    (flat, seen), (deep, given) = _of_seventy(keypoints_2d, 2), _of_seventy(keypoints_3d, 3)
    K = default_K(*photographs.size_wh(image))
    if cam_int is not None:
        K = torch.from_numpy(np.array([np.asarray(row) for row in cam_int], dtype=np.float32).reshape(3, 3))
    pixels, known = ours(flat, MHR_70, seen & given)
    points = placed(pixels, ours(deep * _MHR_TO_CAMERA, MHR_70, seen & given)[0], known, K)
    return PersonCandidate(image, "label", where, points, known, K, BY_KEYPOINTS)
