"""Bodies drawn over pictures."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image, ImageDraw

from hmr.body import BodyModel, BodyParams
from hmr.rendering.rasterise import rasterise
from hmr.skeleton import KEYPOINT_PARENTS

BLUE, GREEN, RED, ORANGE = (0.42, 0.62, 0.92), (0.35, 0.78, 0.45), (0.90, 0.36, 0.34), (0.95, 0.66, 0.25)


def draw_body(
    rgb: np.ndarray,
    params: BodyParams,
    K: np.ndarray,
    model: BodyModel,
    colour: tuple[float, float, float],
    opacity=0.85,
) -> np.ndarray:
    """One body (no batch axes) over a picture (h, w, 3) uint8. Parts behind the camera are left out."""
    return draw_mesh(rgb, model.posed(params).vertices.numpy(), model.faces.numpy(), K, colour, opacity)


def draw_mesh(
    rgb: np.ndarray,
    vertices: np.ndarray,
    faces: np.ndarray,
    K: np.ndarray,
    colour: tuple[float, float, float],
    opacity=0.85,
) -> np.ndarray:
    """Vertices (v, 3) in the camera frame, metres, and faces (f, 3) over a picture (h, w, 3) uint8."""
    points, out = vertices.astype(np.float32), rgb.copy()
    x0, y0, x1, y1 = _window(points, K, rgb.shape[1], rgb.shape[0])
    if x0 >= x1 or y0 >= y1:
        return out
    K_window = np.array([[1, 0, -x0], [0, 1, -y0], [0, 0, 1]]) @ K
    _, index, _ = rasterise(
        points, faces.astype(np.int32), np.ascontiguousarray(K_window, dtype=np.float32), x1 - x0, y1 - y0
    )
    seen = index >= 0
    corner = points[faces[index[seen]]]
    normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-12
    light = np.array([-0.4, -0.6, -0.7])  # towards the light: left, up, to the camera
    shade = 0.45 + 0.55 * np.clip(normal @ (light / np.linalg.norm(light)), 0, 1)
    part = out[y0:y1, x0:x1]
    drawn = (1 - opacity) * part[seen].astype(np.float32) / 255 + opacity * shade[:, None] * np.array(colour)
    part[seen] = (drawn.clip(0, 1) * 255).astype(np.uint8)
    return out


def _window(points: np.ndarray, K: np.ndarray, width: int, height: int) -> tuple[int, int, int, int]:
    """x0 y0 x1 y1, whole pixels of a picture, that hold all points (v, 3) before the camera; empty where there are none. Of a
    large photograph with many people only these are looked at."""
    before = points[points[:, 2] > 0]
    if not len(before):
        return 0, 0, 0, 0
    px = before @ np.asarray(K, dtype=np.float32).T
    px = px[:, :2] / np.maximum(px[:, 2:], 1e-3)
    (x0, y0), (x1, y1) = np.floor(px.min(0)) - 1, np.ceil(px.max(0)) + 1
    x0, x1 = (int(np.clip(x, 0, width)) for x in (x0, x1))
    y0, y1 = (int(np.clip(y, 0, height)) for y in (y0, y1))
    return x0, y0, x1, y1


def draw_keypoints(
    rgb: np.ndarray, xy: np.ndarray, known: np.ndarray, colour: tuple[float, float, float], width: int = 3
) -> np.ndarray:
    """The bones of the 29 keypoints xy (29, 2) pixels over a picture (h, w, 3) uint8, where both ends are known (29,)."""
    image = Image.fromarray(rgb)
    canvas, fill = ImageDraw.Draw(image), tuple(round(255 * c) for c in colour)
    for child, parent in enumerate(KEYPOINT_PARENTS):
        if parent >= 0 and known[child] and known[parent]:
            canvas.line([*xy[parent], *xy[child]], fill=fill, width=width)
    for x, y in xy[known]:
        canvas.ellipse([x - width, y - width, x + width, y + width], fill=fill)
    return np.asarray(image)


def enlarged(rgb: np.ndarray, K: np.ndarray, factor: int) -> tuple[np.ndarray, np.ndarray]:
    """A small picture and its camera, ``factor`` times larger, for drawing over."""
    big = Image.fromarray(rgb).resize((rgb.shape[1] * factor, rgb.shape[0] * factor), Image.Resampling.BICUBIC)
    scale = np.diag([factor, factor, 1.0])
    return np.asarray(big), scale @ K


def data_uri(rgb: np.ndarray, quality: int = 85) -> str:
    """A picture for an <img src>, as JPEG."""
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, "JPEG", quality=quality)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode()


def sheet(pictures: list[np.ndarray], columns: int) -> np.ndarray:
    """Equal pictures in rows of ``columns``."""
    h, w = pictures[0].shape[:2]
    rows = -(-len(pictures) // columns)
    out = np.full((rows * h, columns * w, 3), 255, dtype=np.uint8)
    for i, picture in enumerate(pictures):
        y, x = divmod(i, columns)
        out[y * h : (y + 1) * h, x * w : (x + 1) * w] = picture
    return out
