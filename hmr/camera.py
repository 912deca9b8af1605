"""Pinhole cameras and crops. Camera frame: x right, y down, z forward, metres. Pixels: centres at +0.5."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Camera:
    """K: (..., 3, 3) intrinsics in pixels. size_wh: the picture's width and height in pixels."""

    K: Tensor
    size_wh: tuple[int, int]

    def __post_init__(self) -> None:
        if self.K.shape[-2:] != (3, 3):
            raise ValueError(f"Camera.K: expected (..., 3, 3), got {tuple(self.K.shape)}")

    def transformed(self, A_new_old: Tensor, size_wh: tuple[int, int]) -> Camera:
        """The same camera after an affine map of the picture, (..., 3, 3): a crop carries its own exact camera."""
        return Camera(K=A_new_old @ self.K, size_wh=size_wh)


def project(points_cam: Tensor, K: Tensor) -> Tensor:
    """(..., p, 3) metres and (..., 3, 3) to (..., p, 2) pixels. Points at or behind the camera are not checked."""
    homogeneous = points_cam @ K.transpose(-1, -2)
    return homogeneous[..., :2] / homogeneous[..., 2:]


def backproject(pixels: Tensor, depth: Tensor, K: Tensor) -> Tensor:
    """(..., p, 2) pixels and (..., p) depths in metres to (..., p, 3) points in the camera frame."""
    rays = torch.cat([pixels, torch.ones_like(pixels[..., :1])], dim=-1) @ torch.linalg.inv(K).transpose(-1, -2)
    return rays * depth[..., None]


def default_K(width: int, height: int) -> Tensor:
    """Intrinsics for a photograph of unknown camera: focal length = the diagonal, principal point = the centre.

    The convention of the released ADHMR demo (and of CLIFF).
    """
    focal = float(width**2 + height**2) ** 0.5
    return torch.tensor([[focal, 0.0, width / 2], [0.0, focal, height / 2], [0.0, 0.0, 1.0]])


def square_crop_affine(box_xyxy: Tensor, size: int, enlarge: float = 1.2) -> Tensor:
    """The affine (..., 3, 3) from picture pixels to a ``size`` x ``size`` crop around a box, enlarged and made square.

    box_xyxy: (..., 4) pixels. Raises ValueError for a box of zero area.
    """
    low, high = box_xyxy[..., :2], box_xyxy[..., 2:]
    side = (high - low).amax(-1) * enlarge
    if not bool(((high - low) > 0).all()):
        raise ValueError(f"expected boxes x0 y0 x1 y1 with x1 > x0 and y1 > y0, got {box_xyxy.tolist()}")
    scale = size / side
    centre = 0.5 * (low + high)
    A = torch.zeros(*box_xyxy.shape[:-1], 3, 3, dtype=box_xyxy.dtype)
    A[..., 0, 0] = A[..., 1, 1] = scale
    A[..., :2, 2] = size / 2 - scale[..., None] * centre
    A[..., 2, 2] = 1
    return A


def bearing(K: Tensor, size: int) -> Tensor:
    """What a network must know of a crop's camera, (..., 3): the direction of the crop's centre and its width in radians.

    Without it a body at the picture's edge, which is seen from its side, cannot be placed in the camera frame.
    """
    focal = 0.5 * (K[..., 0, 0] + K[..., 1, 1])
    offset = (size / 2 - K[..., :2, 2]) / focal[..., None]
    return torch.cat([offset, (size / focal)[..., None]], dim=-1)
