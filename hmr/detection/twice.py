"""What a detector would mark of people in pictures: two looks of BlazePose, one in a mirror, and a finder's word."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from hmr.detection.blazepose import MIRRORED
from hmr.detection.consensus import agreed, with_finder
from hmr.detection.eyes import Eyes
from hmr.keypoint_sets import BLAZEPOSE_33, COCO_17, PROMPT_POINTS
from hmr.sight import Sight
from hmr.skeleton import other_side

_MIRRORED_MARKS = [PROMPT_POINTS.place[other_side(point)] for point in PROMPT_POINTS.points]
_MARK, _OF_FINDER = PROMPT_POINTS.taken_to(COCO_17)
_FROM, _TO = BLAZEPOSE_33.taken_to(PROMPT_POINTS)
#: A finder's score is about a half.
_FINDER_WEIGHT = 0.5


@torch.inference_mode()
def looked_at_twice(eyes: Eyes, pictures: Tensor, found_px: Tensor) -> tuple[Sight, Tensor]:
    """pictures (n, 3, s, s) in [0, 1]; found_px (n, 24, 3) what a finder says, x, y and confidence.

    Returns what the first look sees, and the marks (n, 24, 3) in pixels on which the looks and the finder agree, with the
    share that agrees as their confidence.
    """
    size = pictures.shape[-1]
    first = eyes.look(pictures, found_px)
    in_mirror = found_px.clone()
    in_mirror[..., 0] = torch.where(found_px[..., 2] > 0, size - found_px[..., 0], found_px[..., 0])
    second = eyes.look(pictures.flip(-1), in_mirror[:, _MIRRORED_MARKS]).points[:, MIRRORED].clone()
    second[..., 0] *= -1
    looks_px = (torch.stack([first.points, second], 1)[..., :2] + 1) * (size / 2)
    marks = np.zeros((len(pictures), len(PROMPT_POINTS), 3), np.float32)
    for i, (looks, found) in enumerate(zip(looks_px.numpy(), found_px.numpy(), strict=True)):
        marks[i, _TO] = _together(looks, found, size)[_FROM]
    return first, torch.from_numpy(marks)


def _together(looks_px: np.ndarray, found: np.ndarray, size: int) -> np.ndarray:
    """(33, 3) of two looks (2, 33, 2) and a finder's marks (24, 3)."""
    of_finder = np.zeros((len(COCO_17), 3), np.float32)
    of_finder[_OF_FINDER] = found[_MARK]
    candidates, weights = with_finder(looks_px, of_finder[:, :2], _FINDER_WEIGHT * (of_finder[:, 2] > 0))
    there = found[found[:, 2] > 0, :2]
    reach = float((there.max(0) - there.min(0)).max()) if len(there) else size / 1.2
    return agreed(candidates, weights, max(reach, 20.0))
