"""MoveNet MultiPose finds people and COCO's 17 keypoints: six at most in a pass, so it looks at several sizes and sides.

Google, Apache-2.0 (https://tfhub.dev/google/movenet/multipose/lightning/1).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from hmr.detection.found import Found, merged, turned_back
from hmr.detection.tfjs_graph import TfjsGraph

#: The network takes pictures whose sides are multiples of this.
_CELL = 32
_KEYPOINTS = 17


class MoveNet:
    """The finder of people."""

    def __init__(self, path: Path, device: str = "cpu") -> None:
        """path: its json, with its weights beside it. Raises ValueError that names it when it is not that."""
        self._device = device
        self._graph = TfjsGraph(path).to(device)

    def people(
        self, photograph: np.ndarray, sizes: Sequence[int], quarters: Sequence[int] = (0,), min_score: float = 0.15
    ) -> list[Found]:
        """photograph: (h, w, 3) uint8. Looked at so that its longer side has each of ``sizes`` pixels, turned anticlockwise
        by each of ``quarters`` × 90°; each person once, the surest first."""
        found: list[Found] = []
        for size in sizes:
            small, scale = _shrunk(photograph, size)  # once for all sides: large photographs take long
            size_wh = (small.shape[1], small.shape[0])
            for quarter in quarters:
                people = self.looked_at_once(np.ascontiguousarray(np.rot90(small, quarter)), size, min_score)
                found += [turned_back(person, quarter, size_wh).enlarged(1 / scale) for person in people]
        return merged(found)

    @torch.inference_mode()
    def looked_at_once(self, photograph: np.ndarray, size: int, min_score: float) -> list[Found]:
        """At one size: at most six people, in no order; some of them may be one."""
        small, scale = _shrunk(photograph, size)
        height, width = small.shape[:2]
        whole_w, whole_h = (-(-side // _CELL) * _CELL for side in (width, height))
        padded = np.zeros((whole_h, whole_w, 3), dtype=np.float32)
        padded[:height, :width] = small
        made = self._graph(torch.from_numpy(padded)[None].to(self._device))[self._graph.outputs[0]][0].cpu().numpy()
        to_px = np.array([whole_w, whole_h], np.float32) / scale
        return [_found(row, to_px) for row in made if row[-1] >= min_score]


def _shrunk(photograph: np.ndarray, size: int) -> tuple[np.ndarray, float]:
    """So that its longer side has ``size`` pixels (or grown), and how many times as large it is then."""
    height, width = photograph.shape[:2]
    scale = size / max(width, height)
    if scale == 1:
        return photograph, scale
    seen = (max(round(width * scale), 1), max(round(height * scale), 1))
    return np.asarray(Image.fromarray(photograph).resize(seen, Image.Resampling.BILINEAR)), scale


def _found(row: np.ndarray, to_px: np.ndarray) -> Found:
    """One of its rows: 17 × (y, x, confidence), then y0, x0, y1, x1 of the box and a score; to_px: pixels per unit, x, y."""
    keypoints = row[: 3 * _KEYPOINTS].reshape(_KEYPOINTS, 3)
    px = np.concatenate([keypoints[:, 1::-1] * to_px, keypoints[:, 2:].clip(0, 1)], 1).astype(np.float32)
    y0, x0, y1, x1 = row[3 * _KEYPOINTS : -1]
    return Found(np.array([x0, y0, x1, y1], np.float32) * np.tile(to_px, 2), float(min(row[-1], 1.0)), px)
