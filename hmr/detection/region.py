"""Turned squares of a photograph: where a network looks for one person, and the way back from what it saw there.

As in MediaPipe, which the networks learnt with, a crop's pixel i looks at i / size − ½ of the square's side from its centre.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, pi, sin

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Region:
    """A square of a photograph.

    Attributes:
        centre_px: x, y.
        side_px: of the square.
        turn_rad: clockwise as one sees it, of the square on the photograph; what it holds comes out turned back by it.
        mirrored: whether left and right change sides in the crop.
    """

    centre_px: tuple[float, float]
    side_px: float
    turn_rad: float = 0.0
    mirrored: bool = False

    def changed(self, scale: float = 1.0, turn_rad: float = 0.0, mirrored: bool = False) -> Region:
        """About the same centre, so many times as large, turned further, seen in a mirror."""
        return Region(self.centre_px, self.side_px * scale, self.turn_rad + turn_rad, self.mirrored != mirrored)

    @property
    def R_photo_crop(self) -> np.ndarray:
        """(2, 2): from directions in the crop to directions in the photograph; its determinant is −1 in a mirror."""
        c, s, side = cos(self.turn_rad), sin(self.turn_rad), -1 if self.mirrored else 1
        return np.array([[side * c, -s], [side * s, c]], dtype=np.float32)

    def to_photograph(self, places: np.ndarray) -> np.ndarray:
        """(..., 2) in parts of the crop's side, from its upper left corner, to pixels of the photograph."""
        return ((places - 0.5) * self.side_px) @ self.R_photo_crop.T + np.array(self.centre_px, np.float32)

    def from_photograph(self, px: np.ndarray) -> np.ndarray:
        """The other way."""
        return ((px - np.array(self.centre_px, np.float32)) @ self.R_photo_crop) / self.side_px + 0.5


def upright_turn(up_px: np.ndarray) -> float:
    """The turn in (−π, π] of a square whose upper side lies towards ``up_px`` (x, y to the right and down)."""
    turn = float(np.arctan2(up_px[0], -up_px[1]))
    return pi if turn == -pi else turn


def crops_of(photograph: np.ndarray, regions: Sequence[Region], size: int, device: str = "cpu") -> Tensor:
    """(h, w, 3) uint8 to (n, 3, size, size) in [0, 1]; beyond the photograph its border is repeated (MediaPipe's models expect
    that: zeros move their landmarks by many pixels)."""
    height, width = photograph.shape[:2]
    steps = np.arange(size, dtype=np.float32) / size
    places = np.stack(np.meshgrid(steps, steps, indexing="xy"), -1)
    px = np.stack([region.to_photograph(places) for region in regions]).clip(0, (width - 1, height - 1))
    # Only what is looked at becomes floating numbers.
    x0, y0 = np.floor(px.min((0, 1, 2))).astype(int)
    x1, y1 = np.ceil(px.max((0, 1, 2))).astype(int) + 1
    part = torch.from_numpy(np.array(photograph[y0:y1, x0:x1])).to(device).permute(2, 0, 1).float() / 255
    grid = 2 * (px - (x0, y0)) / (max(x1 - x0 - 1, 1), max(y1 - y0 - 1, 1)) - 1
    where = torch.from_numpy(grid).to(part)
    return F.grid_sample(
        part.expand(len(regions), *part.shape), where, mode="bilinear", padding_mode="border", align_corners=True
    )


def laid_back(mask: Tensor, region: Region, size_wh: tuple[int, int]) -> np.ndarray:
    """A crop's mask (size, size) over the photograph: (h, w), 0 outside the region."""
    width, height = size_wh
    px = np.stack(np.meshgrid(np.arange(width), np.arange(height), indexing="xy"), -1).astype(np.float32)
    size = mask.shape[-1]
    grid = 2 * region.from_photograph(px) * size / (size - 1) - 1
    where = torch.from_numpy(grid.astype(np.float32))[None].to(mask)
    return F.grid_sample(mask[None, None], where, padding_mode="zeros", align_corners=True)[0, 0].cpu().numpy()
