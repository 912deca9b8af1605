"""Where hands and face are in a picture."""

from __future__ import annotations

import torch
from torch import Tensor

from hmr.skeleton_smplx import SMPLX

#: The parts that a box is predicted for.
BOXED_PARTS = tuple(SMPLX.parts)


def part_boxes(points_xy: Tensor, size: int, margin: float = 0.35) -> tuple[Tensor, Tensor]:
    """Boxes of left hand, right hand and face about their keypoints (..., 81, 2) in crop pixels.

    Returns centre x, y and side of squares (..., 3, 3) in units of the crop's side, and which of them are in the picture
    (..., 3): a box whose centre is outside is none, and its numbers are not to be learnt.
    """
    boxes = []
    for part in BOXED_PARTS:
        xy = points_xy[..., list(SMPLX.parts[part]), :] / size
        low, high = xy.amin(-2), xy.amax(-2)
        side = (high - low).amax(-1, keepdim=True) * (1 + margin)
        boxes.append(torch.cat([0.5 * (low + high), side.clamp_min(2 / size)], -1))
    box = torch.stack(boxes, -2)
    return box, ((box[..., :2] > 0) & (box[..., :2] < 1)).all(-1)
