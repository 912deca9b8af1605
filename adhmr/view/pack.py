"""What an exported page's script works on: sixteen bits a coordinate, as text, so that the page stays small."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from PIL import Image

from adhmr.view.compare import Comparison, Sight
from adhmr.view.seen import SeenPerson, SeenPhotograph
from adhmr.view.values import scale_colours, score_colours, world_of_cam
from hmr.rendering.overlay import data_uri

#: Longer side of a photograph in a page, pixels.
PICTURE_PX = 1280
_STEPS = 32767


def text_of(array: np.ndarray) -> str:
    """Little-endian bytes, base64."""
    return base64.b64encode(np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes()).decode()


def quantised(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(n, v, 3) metres to int16 steps (n, v, 3), centres (n, 3) and half sizes (n,) in metres.

    A point is centre + half * step / 32767, off by at most half / 65534: 0.02 mm for a body of 2 m.
    """
    low, high = points.min(1), points.max(1)
    centre = (low + high) / 2
    half = np.maximum(((high - low) / 2).max(1), 1e-6)
    steps = np.round((points - centre[:, None]) / half[:, None, None] * _STEPS)
    return steps.clip(-_STEPS, _STEPS).astype(np.int16), centre, half


def _numbers(values: np.ndarray, digits: int) -> list[Any]:
    """Nested lists; None for what is not finite."""
    if values.ndim > 1:
        return [_numbers(row, digits) for row in values]
    return [round(float(v), digits) if np.isfinite(v) else None for v in values]


def hex_colours(rgb: np.ndarray) -> list[str]:
    return ["#" + bytes(colour).hex() for colour in rgb]


def _picture(shot: SeenPhotograph) -> str | None:
    if shot.rgb is None:
        return None
    image = Image.fromarray(shot.rgb)
    image.thumbnail((PICTURE_PX, PICTURE_PX))
    return data_uri(np.asarray(image), 80)


def _person(person: SeenPerson, ends: tuple[float, float]) -> dict[str, Any]:
    steps, centre, half = quantised(world_of_cam(person.vertices_cam))
    return {
        "key": person.key,
        "ends": _numbers(np.array(ends), 4),
        "score": _numbers(person.score, 4),
        "pve": _numbers(person.expected_pve_mm, 1),
        "colours": hex_colours(score_colours(person.score, ends)),
        "points": text_of(steps),
        "centre": _numbers(centre, 5),
        "half": _numbers(half, 6),
        "joints": _numbers(world_of_cam(person.joints_cam), 4),
        "spread": _numbers(person.joint_spread_mm, 1),
        "rootSpread": round(person.root_spread_mm, 1),
    }


class Bodies:
    """Faces and joints of the body models in a page, each once."""

    def __init__(self) -> None:
        self.known: dict[bytes, int] = {}
        self.packed: list[dict[str, Any]] = []

    def number(self, shot: SeenPhotograph) -> int:
        faces = shot.faces.astype(np.uint32)
        mark = faces.tobytes()
        if mark not in self.known:
            self.known[mark] = len(self.packed)
            names = [name.replace("_", " ") for name in shot.joint_names]
            self.packed.append({"faces": text_of(faces), "joints": names})
        return self.known[mark]


def _shot(shot: SeenPhotograph | None, ends: dict[str, tuple[float, float]], bodies: Bodies) -> dict[str, Any] | None:
    if shot is None:
        return None
    return {
        "body": bodies.number(shot),
        "corners": _numbers(world_of_cam(shot.corners_cam), 5),
        "leftOut": list(shot.left_out),
        "people": [_person(person, ends[person.key]) for person in shot.people],
    }


def _sight(sight: Sight, bodies: Bodies) -> dict[str, Any]:
    return {
        "name": sight.name,
        "picture": next((uri for shot in sight.shots if shot is not None and (uri := _picture(shot))), None),
        "keys": sight.keys,
        "shots": [_shot(shot, ends, bodies) for shot, ends in zip(sight.shots, sight.ends, strict=True)],
    }


def page_data(runs: Comparison, most_photographs: int) -> dict[str, Any]:
    """The first photographs of the runs."""
    bodies = Bodies()
    sights = [_sight(runs.sight(name), bodies) for name in runs.names[:most_photographs]]
    scale = hex_colours(scale_colours(np.linspace(0, 1, 9)))
    return {
        "runs": runs.titles,
        "oneScale": runs.one_scale,
        "scale": scale,
        "bodies": bodies.packed,
        "photographs": sights,
    }
