"""BlazePose sees one person in a region of a photograph: 33 keypoints, the same in 3D, a mask, and features of body parts.

Google, Apache-2.0; Bazarevsky et al., "BlazePose: On-device Real-time Body Pose tracking" (2020). Regions, crops and the
landmarks' refinement follow MediaPipe's pose_landmark graphs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from hmr.detection.config import BlazePoseSize
from hmr.detection.region import Region, crops_of, laid_back
from hmr.detection.tflite_graph import TfliteGraph
from hmr.keypoint_sets import BLAZEPOSE_33, Keypoints
from hmr.skeleton import other_side

#: It makes 39 points: 33 of the body and six that serve MediaPipe's own tracking.
_POINTS, _BODY = 39, 33
#: A point moves to the middle of its heat within so many cells, where the heat is at least so high.
_REACH, _LEAST_HEAT = 3, 0.5
#: Regions that go through the network together: more are not faster, and take memory.
_AT_ONCE = 8
#: Numbers of inner maps that know body parts, for ``BlazePose.features``, the best first (a keypoint's feature finds the same
#: keypoint on another person's map for 61 % of full's first, 56 % of heavy's; 43 % for DINOv2 of ViT-S).
FEATURES: dict[BlazePoseSize, tuple[int, ...]] = {
    "full": (269, 279, 277, 275, 335),  # 144 × 8 × 8, 48 × 64 × 64, 48 × 32 × 32, 48 × 16 × 16, 288 × 2 × 2
    "heavy": (614, 644, 587, 545, 694),  # 192 × 16 × 16, 288 × 8 × 8, 96 × 32 × 32, 48 × 64 × 64, 288 × 2 × 2
}
#: The other side of each of the 33.
MIRRORED = [BLAZEPOSE_33.place[other_side(point)] for point in BLAZEPOSE_33.points]
#: Its output tensors' names in the file.
OUTPUTS = {
    "landmarks": "Identity", "flag": "Identity_1", "mask": "Identity_2", "heat": "Identity_3", "world": "Identity_4",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Landmarks:
    """What it says of one region.

    Attributes:
        region: that it looked at.
        flag: in [0, 1], that a person is there.
        px: (33, 3) float32: x, y in pixels of the photograph, confidence.
        world_m: (33, 3) float32: x, y, z in metres from the middle of the hips, the photograph's directions.
        mask_crop: (256, 256) in [0, 1] over the region; None where it was not asked for.
    """

    region: Region
    flag: float
    px: np.ndarray
    world_m: np.ndarray
    mask_crop: Tensor | None

    @property
    def keypoints(self) -> Keypoints:
        return Keypoints.read(BLAZEPOSE_33, self.px)

    def mask(self, size_wh: tuple[int, int]) -> np.ndarray:
        """(h, w) float32 over the photograph. Raises ValueError where no mask was asked for."""
        if self.mask_crop is None:
            raise ValueError("expected a mask, none was asked for: look with masks=True")
        return laid_back(self.mask_crop, self.region, size_wh)


class BlazePose:
    """The refiner of a person."""

    def __init__(self, path: Path, device: str = "cpu") -> None:
        """path: one of pose_landmark_lite, full and heavy.tflite. Raises ValueError that names it when it is not that."""
        self._device = device
        self.graph = TfliteGraph(path).to(device)
        self.size = self.graph.inputs_chw[-1]
        if missing := [name for name in OUTPUTS.values() if self.graph.numbers.get(name) not in self.graph.outputs]:
            raise ValueError(f"{path}: expected a BlazePose landmark model, it has no {', '.join(missing)}")

    @torch.inference_mode()
    def look(self, photograph: np.ndarray, regions: Sequence[Region], masks: bool = True) -> list[Landmarks]:
        """photograph: (h, w, 3) uint8. One answer for each region, in their order. masks: they take a tenth of heavy's time."""
        out: list[Landmarks] = []
        for start in range(0, len(regions), _AT_ONCE):
            out += self._look(photograph, regions[start : start + _AT_ONCE], masks)
        return out

    def _look(self, photograph: np.ndarray, regions: Sequence[Region], masks: bool) -> list[Landmarks]:
        number_of = {name: self.graph.numbers[number] for name, number in OUTPUTS.items() if masks or name != "mask"}
        made = self.graph.inner(crops_of(photograph, regions, self.size, self._device), list(number_of.values()))
        out = {name: made[number] for name, number in number_of.items()}
        points = self.points(out["landmarks"], out["heat"].sigmoid()).cpu().numpy()
        worlds = of_body(out["world"], 3).cpu().numpy()
        flags = out["flag"][:, 0].cpu().numpy()
        seen = out["mask"][:, 0].sigmoid() if masks else [None] * len(regions)
        return [_landmarks(*each) for each in zip(regions, flags, points, worlds, seen, strict=True)]

    def points(self, landmarks: Tensor, heat: Tensor) -> Tensor:
        """Of its outputs, (n, 33, 3): x, y in parts of the crop's side, drawn to the heat in [0, 1], and confidence."""
        rows = landmarks.reshape(-1, _POINTS, 5)
        places = refined(rows[..., :2] / self.size, heat)
        # A point may be hidden (visibility) or outside the crop (presence): a prompt has to be both seen and there.
        confidence = rows[..., 3].sigmoid() * rows[..., 4].sigmoid()
        return torch.cat([places, confidence[..., None]], -1)[:, :_BODY]

    def features(self, crops: Tensor, numbers: Sequence[int]) -> dict[int, Tensor]:
        """Inner maps, channels first, of crops (n, 3, 256, 256) in [0, 1]; with gradients to the crops where they ask for it."""
        return self.graph.inner(crops, numbers)


def of_body(output: Tensor, numbers: int) -> Tensor:
    """(n, 33, numbers) of an output of all 39 points."""
    return output.reshape(-1, _POINTS, numbers)[:, :_BODY]


def _landmarks(region: Region, flag: float, points: np.ndarray, world_m: np.ndarray, mask: Tensor | None) -> Landmarks:
    """From the crop, where points (33, 3) are x, y in parts of its side and confidence, to the photograph."""
    if region.mirrored:  # what looks like a left hand there is a right one
        points, world_m = points[MIRRORED], world_m[MIRRORED]
    px = np.concatenate([region.to_photograph(points[:, :2]), points[:, 2:]], 1).astype(np.float32)
    turned = np.concatenate([world_m[:, :2] @ region.R_photo_crop.T, world_m[:, 2:]], 1)
    return Landmarks(region, float(flag), px, turned, mask)


def refined(places: Tensor, heat: Tensor) -> Tensor:
    """Points (n, p, 2), x, y in parts of the side, drawn to the middle of their heat (n, p, cells, cells) around the cell that
    they fall in; those whose heat is low there, and those outside, stay."""
    cells = heat.shape[-1]
    cell = (places * cells).long()
    inside = ((places >= 0) & (cell < cells)).all(-1)
    width = 2 * _REACH + 1
    # All windows at once: cell (x, y) of the padded heat is the corner of the window around (x, y).
    offsets = torch.arange(width, device=heat.device)
    padded = F.pad(heat, [_REACH] * 4)
    corner = cell.clamp(0, cells - 1)
    rows = (corner[..., 1, None] + offsets)[..., :, None]
    columns = (corner[..., 0, None] + offsets)[..., None, :]
    n, p = torch.meshgrid(*(torch.arange(k, device=heat.device) for k in heat.shape[:2]), indexing="ij")
    window = padded[n[..., None, None], p[..., None, None], rows, columns]
    total = window.sum((-2, -1)).clamp(min=1e-9)
    x = (window.sum(-2) * (columns[..., 0, :] - _REACH)).sum(-1) / total
    y = (window.sum(-1) * (rows[..., 0] - _REACH)).sum(-1) / total
    moved = torch.stack([x, y], -1) / cells
    return torch.where((inside & (window.amax((-2, -1)) >= _LEAST_HEAT))[..., None], moved, places)
