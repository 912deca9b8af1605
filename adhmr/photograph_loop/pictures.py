"""Held-out photographs before and after: bodies drawn over whole photographs, and over what is around a person."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from adhmr.export.overlay import people_over
from adhmr.photographs.given import GivenPictures
from hmr.body import BodyParams
from hmr.photographs.folder import Photographs
from hmr.photographs.people import Person, crops
from hmr.rendering.overlay import enlarged
from hmr.skinned_body import SkinnedBody

#: Longer side of a photograph, and side of what is around a person; pixels.
_LONGEST_PX, _AROUND_PX = 560, 360
#: Times a person's crop.
_AROUND = 1.2
_TOLD, _HUMAN = (255, 150, 40), (255, 255, 255)


@dataclass(frozen=True, eq=False)
class Canvas:
    """A picture (h, w, 3) uint8, its camera K (3, 3), and how pixels of some row's crop come to it (3, 3)."""

    rgb: np.ndarray
    K: np.ndarray
    A_canvas_crop: np.ndarray


@dataclass(frozen=True)
class HeldOutPictures:
    """Of the held-out people. Where a photograph is gone since, its people's crops are drawn over."""

    held: GivenPictures
    images: Path
    body: SkinnedBody

    def photograph(self, name: str) -> Canvas | None:
        """Whole, made smaller; None when it is gone, or another picture than it was."""
        row = next(i for i, key in enumerate(self.held.views.key) if self.held.photograph_of[key] == name)
        if (rgb := self._read(name, row)) is None:
            return None
        scale = min(1.0, _LONGEST_PX / max(rgb.shape[:2]))
        size = (max(round(rgb.shape[1] * scale), 1), max(round(rgb.shape[0] * scale), 1))
        smaller = np.diag([size[0] / rgb.shape[1], size[1] / rgb.shape[0], 1.0])
        small = np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS, reducing_gap=3))
        return Canvas(small, smaller @ self.held.views.camera.K[row].numpy(), np.eye(3))

    def around(self, row: int) -> Canvas:
        """Of a person."""
        views = self.held.views[[row]]
        rgb = self._read(self.held.photograph_of[views.key[0]], row)
        if rgb is None:
            factor = max(1, round(_AROUND_PX / views.size))
            big, K = enlarged(views.rgb[0].permute(1, 2, 0).numpy(), views.K[0].numpy(), factor)
            return Canvas(big, K, np.diag([factor, factor, 1.0]))
        A_picture_crop = torch.linalg.inv(views.A_view_picture[0])
        x0, y0 = A_picture_crop[:2, 2].tolist()
        side = views.size * float(A_picture_crop[0, 0])
        square = Person(views.key[0], (x0, y0, x0 + side, y0 + side))
        cut = crops(rgb, [square], _AROUND_PX, views.camera.K[0], _AROUND)
        A = (cut.A_view_picture[0] @ A_picture_crop).numpy()
        return Canvas(cut.rgb[0].permute(1, 2, 0).numpy(), cut.K[0].numpy(), A)

    def over(self, canvas: Canvas, people: BodyParams) -> np.ndarray:
        """Bodies [p] over it."""
        return people_over(canvas.rgb, canvas.K, people, self.body.posed(people).vertices, self.body.faces)

    def marked(self, canvas: Canvas, row: int, human_px: Tensor | None) -> np.ndarray:
        """What is told of a person (orange), and what humans marked (white), over ``around``."""
        image = Image.fromarray(canvas.rgb)
        prompts = self.held.views.prompts
        if prompts is not None:
            _dots(image, prompts.keypoints_px[row], canvas.A_canvas_crop, _TOLD)
        if human_px is not None:
            _dots(image, human_px[row], canvas.A_canvas_crop, _HUMAN)
        return np.asarray(image)

    def _read(self, name: str, row: int) -> np.ndarray | None:
        try:
            rgb = Photographs(self.images.parent if self.images.is_file() else self.images).read(name)
        except ValueError:
            return None
        w, h = self.held.views.camera.size_wh[row].tolist()
        return rgb if rgb.shape[:2] == (h, w) else None


def _dots(image: Image.Image, px: Tensor, A: np.ndarray, colour: tuple[int, int, int]) -> None:
    canvas = ImageDraw.Draw(image)
    for x, y, confidence in px.tolist():
        if confidence > 0:
            at = A @ np.array([x, y, 1.0])
            u, v, r = float(at[0]), float(at[1]), 3
            canvas.ellipse([u - r, v - r, u + r, v + r], fill=colour, outline=(20, 20, 20))
