"""What a viewer draws, as numbers: colours of scores, spreads of joints, where a photograph stands.

World: the camera frame turned upright (x right, y up, z towards the viewer), metres, the camera at the origin.
"""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import torch

from hmr.body import FACING_CAMERA
from hmr.camera import backproject

#: Camera frame (y down, z forward) to the world that is drawn (y up, z towards the viewer); its own inverse.
WORLD_OF_CAM = FACING_CAMERA.diagonal().numpy()
#: Blue to yellow: dark to light as well, so that it reads the same with any kind of colour vision. Its darkest end is left out.
_SCALE, _DARKEST = "cividis", 0.12
#: The photograph stands this far behind the last point of a body, metres.
_GAP_M = 0.1


def world_of_cam(points_cam: np.ndarray) -> np.ndarray:
    """(..., 3) camera frame to world, and back."""
    return points_cam * WORLD_OF_CAM


def scale_colours(share: np.ndarray) -> np.ndarray:
    """(...,) in 0 (low) to 1 (high) to (..., 3) uint8."""
    at = _DARKEST + (1 - _DARKEST) * np.clip(share, 0.0, 1.0)
    return np.round(255 * mpl.colormaps[_SCALE](at)[..., :3]).astype(np.uint8)


def score_range(scores: list[np.ndarray]) -> tuple[float, float]:
    """Lowest and highest of all finite scores; (0, 0) where there is none."""
    known = np.concatenate([score[np.isfinite(score)].ravel() for score in scores] or [np.zeros(0)])
    return (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)


def score_colours(score: np.ndarray, ends: tuple[float, float]) -> np.ndarray:
    """(n,) to (n, 3) uint8. Where all scores are equal each is the best; one that is not finite is the worst."""
    low, high = ends
    share = np.ones(score.shape) if high <= low else (score - low) / (high - low)
    return scale_colours(np.where(np.isfinite(score), share, 0.0))


def joint_spread_mm(joints_cam: np.ndarray) -> np.ndarray:
    """How far hypotheses disagree on each joint: (n, j, 3) metres to (j,) millimetres.

    Root mean square distance to the mean place, both relative to the pelvis (joint 0), as errors of poses are measured. One
    hypothesis disagrees with nobody: 0.
    """
    relative = joints_cam - joints_cam[:, :1]
    off = np.linalg.norm(relative - relative.mean(0), axis=-1)
    return 1000 * np.sqrt((off**2).mean(0))


def root_spread_mm(joints_cam: np.ndarray) -> float:
    """The same of the pelvis in the camera frame: how far hypotheses disagree on where the person is."""
    root = joints_cam[:, 0]
    return float(1000 * np.sqrt((np.linalg.norm(root - root.mean(0), axis=-1) ** 2).mean()))


def depth_behind(vertices_cam: list[np.ndarray]) -> float:
    """Metres from the camera to a photograph that is behind all of (..., 3)."""
    last = max((float(v[..., 2].max()) for v in vertices_cam), default=0.0)
    return max(last, 0.4) + _GAP_M


def plane_corners_cam(K: np.ndarray, size_wh: tuple[int, int], depth: float) -> np.ndarray:
    """(4, 3) metres: top left, top right, bottom right, bottom left of the photograph, seen by K (3, 3) px at that depth.

    From the camera the plane covers exactly the picture, at any depth.
    """
    w, h = size_wh
    pixels = torch.tensor([[0.0, 0.0], [w, 0.0], [w, h], [0.0, h]], dtype=torch.float64)
    return backproject(pixels, torch.full((4,), depth, dtype=torch.float64), torch.from_numpy(K).double()).numpy()
