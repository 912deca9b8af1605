"""Pinhole cameras and crops. Camera frame: x right, y down, z forward, metres. Pixels: centres at +0.5."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Camera:
    """The cameras of a batch of pictures.

    Attributes:
        K: (..., 3, 3) intrinsics in pixels.
        size_wh: (..., 2) width and height of the picture in pixels, integers.
        T_cam_world: (..., 4, 4) where the camera stands; None where the world is the camera's own frame.
    """

    K: Tensor
    size_wh: Tensor
    T_cam_world: Tensor | None = None

    def __post_init__(self) -> None:
        batch = self.K.shape[:-2]
        expected = {"K": (*batch, 3, 3), "size_wh": (*batch, 2), "T_cam_world": (*batch, 4, 4)}
        for name, want in expected.items():
            value = getattr(self, name)
            if value is not None and tuple(value.shape) != want:
                raise ValueError(f"Camera.{name}: expected {want}, got {tuple(value.shape)}")

    @classmethod
    def of_squares(cls, K: Tensor, size: int) -> Camera:
        """Of square pictures (..., size, size) that are no crops of anything larger."""
        return cls(K, torch.full((*K.shape[:-2], 2), size, dtype=torch.long))

    def __getitem__(self, index) -> Camera:
        T = self.T_cam_world
        return Camera(self.K[index], self.size_wh[index], None if T is None else T[index])

    def map(self, function: Callable[[Tensor], Tensor]) -> Camera:
        """Apply one function to every field."""
        T = self.T_cam_world
        return Camera(function(self.K), function(self.size_wh), None if T is None else function(T))

    def transformed(self, A_new_old: Tensor, size_wh: Tensor) -> Camera:
        """The same cameras after affine maps of their pictures, (..., 3, 3): a crop has its own exact camera."""
        with torch.autocast(self.K.device.type, enabled=False):  # in bf16 it would be off by pixels
            return Camera(A_new_old @ self.K, size_wh, self.T_cam_world)

    @staticmethod
    def cat(parts: list[Camera]) -> Camera:
        """Raises ValueError when some cameras stand in a world and some do not."""
        T = [part.T_cam_world for part in parts if part.T_cam_world is not None]
        if 0 < len(T) < len(parts):
            raise ValueError("some cameras have a T_cam_world and some have none; they cannot be joined")
        K, size_wh = torch.cat([p.K for p in parts]), torch.cat([p.size_wh for p in parts])
        return Camera(K, size_wh, torch.cat(T) if T else None)


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

    box_xyxy: (..., 4) pixels, of any numeric type. Raises ValueError for a box of zero area.
    """
    if not box_xyxy.is_floating_point():
        box_xyxy = box_xyxy.float()
    low, high = box_xyxy[..., :2], box_xyxy[..., 2:]
    side = (high - low).amax(-1) * enlarge
    if not bool(((high - low) > 0).all()):
        raise ValueError(f"expected boxes x0 y0 x1 y1 with x1 > x0 and y1 > y0, got {box_xyxy.tolist()}")
    scale = size / side
    centre = 0.5 * (low + high)
    A = torch.zeros(*box_xyxy.shape[:-1], 3, 3, dtype=scale.dtype)
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
