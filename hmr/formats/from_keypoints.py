"""Bodies for a scorer from keypoints alone, where there are no parameters or no model for them; and where a body stands."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from hmr.camera import backproject
from hmr.keypoint_sets import LSP_14, OPENPOSE_25, SMPL_OF_POINT
from hmr.skeleton import KEYPOINT_NAMES, NUM_KEYPOINTS

_CENTIMETRES_ABOVE = 10.0

#: HumanData's 190 keypoints: the first 22 are ours, then by place.
HUMAN_DATA_190 = {
    **{i: KEYPOINT_NAMES[i] for i in range(22)}, 188: "left_hand", 189: "right_hand", 147: "head_top", 68: "left_middle_tip",
    73: "right_middle_tip", 60: "left_big_toe_tip", 63: "right_big_toe_tip",
}  # fmt: skip
_OPENPOSE = {i: SMPL_OF_POINT[point] for i, point in enumerate(OPENPOSE_25.points) if point in SMPL_OF_POINT}
_SPIN_EXTRA = {**{i: SMPL_OF_POINT[point] for i, point in enumerate(LSP_14.points)}, 14: "pelvis"}
#: OpenPose's 25 and the 19 that SPIN put behind them (4D-Humans). OpenPose's come later, so where both are given they count.
SPIN_44 = {**{25 + i: name for i, name in _SPIN_EXTRA.items()}, **_OPENPOSE}
#: Those of the 44 that are SMPL's own points: SPIN's hips, pelvis and neck lie elsewhere in the body.
SPIN_44_OF_SMPL = {i: name for i, name in SPIN_44.items() if i not in (27, 28, 37, 39)}
#: Of the 70 keypoints of MHR those that are ours, by place (SAM 3D Body). The pelvis is taken as the middle of the hips.
MHR_70 = {
    9: "left_hip", 10: "right_hip", 11: "left_knee", 12: "right_knee", 13: "left_ankle", 14: "right_ankle", 69: "neck",
    5: "left_shoulder", 6: "right_shoulder", 7: "left_elbow", 8: "right_elbow", 62: "left_wrist", 41: "right_wrist",
    53: "left_hand", 32: "right_hand", 50: "left_middle_tip", 29: "right_middle_tip", 15: "left_big_toe_tip",
    18: "right_big_toe_tip",
}  # fmt: skip
#: Keypoints of SMPL-X's joints: the first 22 are ours.
SMPLX_22 = {i: KEYPOINT_NAMES[i] for i in range(22)}


def ours(values: np.ndarray, names: dict[int, str], sure: np.ndarray) -> tuple[Tensor, Tensor]:
    """Keypoints (k, c) of another set, and which of them are given (k,), to ours (29, c) and (29,).

    A pelvis that is not given is put in the middle of the hips, where those are.
    """
    given = [theirs for theirs in names if theirs < len(values) and sure[theirs]]
    places = [KEYPOINT_NAMES.index(names[theirs]) for theirs in given]
    found = np.zeros((NUM_KEYPOINTS, values.shape[-1]), dtype=np.float32)
    found[places] = np.asarray(values)[given]
    out, known = torch.from_numpy(found), torch.zeros(NUM_KEYPOINTS, dtype=torch.bool)
    known[places] = True
    if not known[0] and known[1] and known[2]:
        out[0], known[0] = 0.5 * (out[1] + out[2]), True
    return out, known


def seen_keypoints(values: np.ndarray, names: dict[int, str]) -> Tensor:
    """Keypoints (k, 3) of another set, with a confidence, to ours (29, 3), confidences in [0, 1]; none is made of others."""
    out = torch.zeros(NUM_KEYPOINTS, 3)
    for theirs, name in names.items():
        if theirs < len(values) and values[theirs, 2] > 0:
            out[KEYPOINT_NAMES.index(name)] = torch.from_numpy(np.asarray(values[theirs], dtype=np.float32))
    out[:, 2].clamp_(max=1.0)
    return out


def placed(pixels: Tensor, points: Tensor, known: Tensor, K: Tensor) -> Tensor:
    """Keypoints (29, 3) in the camera frame that lie at ``pixels`` (29, 2) and are as deep as ``points`` (29, 3), metres (or
    centimetres, which their size tells), whose own place does not matter: it follows from their size in the picture.

    Raises ValueError when fewer than four are known, or all in one spot.
    """
    if int(known.sum()) < 4 or not bool(known[0]):
        raise ValueError(
            f"{int(known.sum())} keypoints have both a place and a depth; the pelvis and three others are needed"
        )
    spread = (points[known] - points[known].mean(0)).norm(dim=-1).mean()
    metres = points * (0.01 if spread > _CENTIMETRES_ABOVE else 1.0)
    across = (metres[known][:, :2] - metres[known][:, :2].mean(0)).norm(dim=-1).mean()
    in_pixels = (pixels[known] - pixels[known].mean(0)).norm(dim=-1).mean()
    if not bool(in_pixels > 0) or not bool(across > 0):
        raise ValueError("its keypoints are all in one spot")
    relative = metres[:, 2] - metres[0, 2]
    root = torch.maximum(K[0, 0] * across / in_pixels, 0.2 - relative[known].min())
    return backproject(pixels, root + relative, K)


def translation_from_pixels(points: Tensor, pixels: Tensor, K: Tensor) -> Tensor:
    """Where (3,) a body stands whose points (k, 3) are seen at pixels (k, 2): linear least squares, as SPIN has it.

    Raises ValueError for fewer than three points, or when the body would be behind the camera.
    """
    if len(points) < 3:
        raise ValueError(f"only {len(points)} of its 2D keypoints are given; three are needed to place the body")
    if not bool(points.isfinite().all() and pixels.isfinite().all()):
        raise ValueError("its pose or its 2D keypoints are not finite")
    off = pixels - K[:2, 2]
    focal = torch.stack([K[0, 0], K[1, 1]])
    rows = torch.zeros(len(points), 2, 3)
    rows[:, 0, 0], rows[:, 1, 1], rows[:, :, 2] = focal[0], focal[1], -off
    wanted = off * points[:, 2:] - focal * points[:, :2]
    place = torch.linalg.lstsq(rows.view(-1, 3), wanted.reshape(-1, 1)).solution[:, 0]
    if not bool(place.isfinite().all()) or float(place[2]) <= 0:
        raise ValueError("its 2D keypoints and its pose put the body behind the camera")
    return place
