"""What predict found in photographs, on one sheet: marks, bodies over the photograph, candidates from the side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from adhmr.export.colours import colour_of
from adhmr.view.compare import Comparison
from adhmr.view.seen import SeenPhotograph
from hmr.files import write_atomically
from hmr.photographs.folder import output_names
from hmr.photographs.keypoint_files import read_keypoints
from hmr.rendering.overlay import draw_mesh, sheet

#: Pixels of a tile and of its caption.
_TILE, _CAPTION = 296, 20
_COLUMNS = 6
_GREY = (0.55, 0.57, 0.6)


def write_sheet(path: Path, seen: Comparison, bodies: Path, keypoints: Path) -> None:
    """Three tiles of each photograph. bodies: the folder that predict wrote; keypoints: the file that it was told."""
    photographs = seen.runs[0].photographs
    told, keys = read_keypoints(keypoints, photographs), output_names(photographs.names)
    tiles = []
    for name in seen.names:
        shot = seen.sight(name).shots[0]
        assert shot is not None
        photograph = photographs.read(name)
        people, _ = told.people_of(name, name, photograph)
        px = np.concatenate([person.keypoints.px for person in people if person.keypoints is not None])
        with Image.open(bodies / f"{keys[name]}.png") as file:
            overlay = np.asarray(file.convert("RGB"))
        count = shot.people[0].count
        errors = ", ".join(f"{person.expected_pve_mm[0]:.0f}" for person in shot.people)
        tiles += [
            _tile(_with_marks(photograph, px), "what is told: keypoints"),
            _tile(overlay, f"best of {count}, expected PVE {errors} mm"),
            _tile(from_the_side(shot, _TILE), f"all {count} from the side"),
        ]
    with write_atomically(path) as partial:
        Image.fromarray(sheet(tiles, _COLUMNS)).save(partial)


def _tile(picture: np.ndarray, caption: str) -> np.ndarray:
    out = Image.new("RGB", (_TILE + 4, _TILE + _CAPTION + 4), "white")
    out.paste(Image.fromarray(picture).resize((_TILE, _TILE), Image.Resampling.LANCZOS), (2, 2))
    ImageDraw.Draw(out).text((6, _TILE + 5), caption, fill=(40, 50, 60), font=ImageFont.load_default(13))
    return np.asarray(out)


def _with_marks(photograph: np.ndarray, px: np.ndarray) -> np.ndarray:
    """Keypoints (k, 3) as dots: the surer, the greener."""
    image = Image.fromarray(photograph)
    canvas, r = ImageDraw.Draw(image), max(2, photograph.shape[1] // 110)
    for x, y, confidence in px[px[:, 2] > 0].tolist():
        fill = (round(255 * (1 - confidence)), round(120 + 120 * confidence), 60)
        canvas.ellipse([x - r, y - r, x + r, y + r], fill=fill, outline=(20, 20, 20))
    return np.asarray(image)


def from_the_side(shot: SeenPhotograph, size: int) -> np.ndarray:
    """Everybody from their right, pelvis on pelvis: the best body in colour, the other candidates as shades behind it."""
    crowd = len(shot.people)
    seen = [_turned(person.vertices_cam - person.joints_cam[:, None, 0]) for person in shot.people]
    half_x, half_y, half_z = np.abs(np.concatenate([v.reshape(-1, 3) for v in seen])).max(0)
    distance = 12.0 * float(max(half_x, half_y))
    focal = 0.46 * size * float((distance - half_z) * min(1 / (crowd * half_x), 1 / half_y))
    out = np.full((size, size, 3), 246, dtype=np.uint8)
    for place, vertices in enumerate(seen):
        K = np.array([[focal, 0, size * (place + 0.5) / crowd], [0, focal, size / 2], [0, 0, 1]])
        for number in reversed(range(len(vertices))):
            best = number == 0
            colour, opacity = (colour_of(place), 0.9) if best else (_GREY, 0.16)
            moved = vertices[number] + np.array([0.0, 0.0, distance], dtype=np.float32)
            out = draw_mesh(out, moved, shot.faces, K, colour, opacity)
    return out


def _turned(vertices: np.ndarray) -> np.ndarray:
    """A quarter about the vertical axis: what was far is to the left."""
    x, y, z = np.moveaxis(vertices, -1, 0)
    return np.stack([-z, y, x], -1)
