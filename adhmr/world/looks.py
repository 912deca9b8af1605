"""Clothes, light, backdrops and things in the way: the random appearance of a picture."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

from adhmr.world.domains import Domain
from hmr.rendering.render import Looks
from hmr.skeleton import JOINT_NAMES
from hmr.skinned_body import SkinnedBody

_SKIN = np.array([[0.96, 0.80, 0.69], [0.88, 0.67, 0.53], [0.72, 0.50, 0.36], [0.50, 0.33, 0.22], [0.33, 0.21, 0.15]])
_HAIR = np.array([[0.08, 0.06, 0.05], [0.25, 0.15, 0.08], [0.45, 0.30, 0.15], [0.75, 0.60, 0.35], [0.55, 0.55, 0.56]])
MAX_OCCLUDERS, MAX_OBJECTS = 4, 7


Range = tuple[float, float]


def _colours(
    rng: np.random.Generator, n: int, saturation: Range = (0.1, 0.8), value: Range = (0.2, 0.95)
) -> np.ndarray:
    hsv = np.stack(
        [rng.random(n), rng.uniform(saturation[0], saturation[1], n), rng.uniform(value[0], value[1], n)], -1
    )
    return np.array([colorsys.hsv_to_rgb(*row) for row in hsv])


def garment_parts(model: SkinnedBody) -> dict[str, np.ndarray]:
    """Boolean masks over the vertices, from what moves them and where they lie in the rest pose."""
    owner = model.weights.argmax(-1).numpy()
    v, joints = model.v_template.numpy(), model.joint_template.numpy()
    index = {name: i for i, name in enumerate(JOINT_NAMES)}

    def owned(*names: str) -> np.ndarray:
        return np.isin(owner, [index[n] for n in names])

    head = owned("head", "neck") & (v[:, 1] > joints[index["neck"], 1] + 0.02)
    neck_to_top = v[:, 1].max() - joints[index["head"], 1]
    hairline = joints[index["head"], 1] + neck_to_top * (0.5 + 0.3 * (v[:, 2] > joints[index["head"], 2] + 0.05))
    behind = (v[:, 2] < joints[index["head"], 2] - 0.02) & (v[:, 1] > joints[index["head"], 1])
    hair = head & ((v[:, 1] > hairline) | behind)
    forearms = owned("left_elbow", "right_elbow")
    elbow_x = abs(joints[index["left_elbow"], 0])
    sleeves = (owned("left_shoulder", "right_shoulder") & (np.abs(v[:, 0]) > 0.5 * (elbow_x + 0.15))) | forearms
    legs = owned("left_knee", "right_knee")
    knee_y = joints[index["left_knee"], 1]
    return {
        "hair": hair,
        "hands": owned("left_wrist", "right_wrist", "left_hand", "right_hand"),
        "sleeves": sleeves,
        "shoes": owned("left_ankle", "right_ankle", "left_foot", "right_foot"),
        "shins": legs | (owned("left_hip", "right_hip") & (v[:, 1] < knee_y + 0.05)),
        "trousers": owned("left_hip", "right_hip", "left_knee", "right_knee")
        | (owned("pelvis", "spine1") & (v[:, 1] < joints[0, 1] + 0.06)),
        "head": head,
    }


def _dress(rng: np.random.Generator, n: int, model: SkinnedBody) -> tuple[np.ndarray, np.ndarray]:
    """vertex_rgb (n, v, 3) and stripe (n, v, 4)."""
    parts = garment_parts(model)
    v = model.v_template.numpy()
    skin = _SKIN[rng.integers(len(_SKIN), size=n)] * rng.uniform(0.9, 1.08, (n, 1))
    top, trousers, shoes = _colours(rng, n), _colours(rng, n, value=(0.12, 0.8)), _colours(rng, n, value=(0.05, 0.9))
    hair = _HAIR[rng.integers(len(_HAIR), size=n)]
    short_sleeves, shorts, bald = rng.random(n) < 0.5, rng.random(n) < 0.25, rng.random(n) < 0.12
    rgb = np.repeat(top[:, None], len(v), 1)
    rgb[:, parts["trousers"]] = trousers[:, None]
    rgb[:, parts["shoes"]] = shoes[:, None]
    rgb[:, parts["hands"] | parts["head"]] = skin[:, None]
    for i in range(n):
        if short_sleeves[i]:
            rgb[i, parts["sleeves"]] = skin[i]
        if shorts[i]:
            rgb[i, parts["shins"] & ~parts["shoes"]] = skin[i]
        if not bald[i]:
            rgb[i, parts["hair"]] = hair[i]
    stripe = np.zeros((n, len(v), 4), dtype=np.float32)
    cloth = ~(parts["hands"] | parts["head"] | parts["shoes"])
    amplitude = rng.uniform(0, 0.35, n) * (rng.random(n) < 0.6)
    stripe[:, cloth, 0] = amplitude[:, None]
    stripe[:, :, 1] = rng.uniform(0, 6.28, n)[:, None]
    vertical, across = rng.uniform(0, 90, n), rng.uniform(0, 60, n) * (rng.random(n) < 0.5)
    stripe[:, :, 2] = vertical[:, None] * v[None, :, 1]
    stripe[:, :, 3] = across[:, None] * v[None, :, 0]
    return rgb.astype(np.float32), stripe


@dataclass(frozen=True)
class _Things:
    """Boxes and ellipses: at most so many, how many in fact, how large and how far from the middle as shares of the picture."""

    most: int
    counts: tuple[int, int]
    sizes: tuple[float, float]
    scatter: float


def _drawn(rng: np.random.Generator, n: int, kind: _Things, centre: np.ndarray, size: int) -> np.ndarray:
    """(n, most, 9) around ``centre`` (n, 2) pixels."""
    most, counts = kind.most, kind.counts
    things = np.zeros((n, most, 9), dtype=np.float32)
    number = rng.integers(counts[0], counts[1] + 1, size=n)
    present = np.arange(most)[None] < number[:, None]
    things[..., 0] = np.where(present, rng.integers(1, 3, size=(n, most)), 0)
    things[..., 1:3] = centre[:, None] + rng.normal(0, kind.scatter * size, (n, most, 2))
    half = 0.5 * size * rng.uniform(*kind.sizes, (n, most, 1)) * rng.uniform(0.6, 1.5, (n, most, 2))
    things[..., 3:5] = np.maximum(half, 1.0)
    things[..., 5] = rng.uniform(0, np.pi, (n, most))
    things[..., 6:9] = _colours(rng, n * most).reshape(n, most, 3)
    return things


def sample_looks(rng: np.random.Generator, n: int, domain: Domain, model: SkinnedBody, size: int) -> Looks:
    """Appearance for n pictures of ``size`` x ``size`` pixels."""
    vertex_rgb, stripe = _dress(rng, n, model)
    light = rng.normal(size=(n, 3)) * np.array([1.0, 0.6, 0.4]) + np.array([0.0, -0.9, -1.0])
    light /= np.linalg.norm(light, axis=1, keepdims=True)
    base = _colours(rng, n, saturation=(0.02, 0.5), value=(0.35, 0.95))
    backdrop = np.clip(base[:, None] + rng.normal(0, 0.06 + 0.12 * domain.clutter, (n, 4, 3)), 0, 1)
    middle = np.full((n, 2), size / 2)
    occluders = _Things(MAX_OCCLUDERS, domain.occluders, domain.occluder_size, 0.22)
    objects = _Things(MAX_OBJECTS, (0, round(MAX_OBJECTS * domain.clutter)), (0.1, 0.5), 0.4)
    return Looks(
        vertex_rgb=vertex_rgb,
        stripe=stripe,
        light_direction=light.astype(np.float32),
        light_rgb=rng.uniform(0.85, 1.15, (n, 3)).astype(np.float32),
        ambient=rng.uniform(*domain.light, n).astype(np.float32),
        backdrop=backdrop.astype(np.float32),
        clutter=(domain.clutter * rng.uniform(0.4, 1.0, n)).astype(np.float32),
        noise=np.full(n, domain.noise, dtype=np.float32),
        occluders=_drawn(rng, n, occluders, middle, size),
        objects=_drawn(rng, n, objects, middle, size),
        seed=rng.integers(1 << 30, size=n),
    )
