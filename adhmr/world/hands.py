"""Hands and faces that belong to what the arms do.

A hand is said by how far each finger is curled; a gesture of the arms makes some hands likely. Fingers turn about the axis across
their palm, which is measured on the body model, so that any model in SMPL-X's layout can be posed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from roma import rotvec_to_rotmat
from torch import Tensor

from adhmr.world.poses import GESTURES
from hmr.skeleton_smplx import FINGERS, SMPLX
from hmr.skinned_body import SkinnedBody

_INDEX = {name: i for i, name in enumerate(SMPLX.joint_names)}


@dataclass(frozen=True)
class HandShape:
    """curl: of index, middle, pinky, ring, thumb; radians at each of the three joints. spread: radians between fingers. wrist:
    how the wrist is bent towards the palm, radians."""

    curl: tuple[float, float, float, float, float]
    spread: float = 0.05
    wrist: float = 0.0


HAND_SHAPES: dict[str, HandShape] = {
    "relaxed": HandShape((0.35, 0.4, 0.5, 0.45, 0.25)),
    "fist": HandShape((1.35, 1.4, 1.35, 1.4, 0.8), 0.0, -0.2),
    "open": HandShape((-0.05, -0.05, -0.05, -0.05, -0.1), 0.22, -0.3),
    "flat": HandShape((0.05, 0.05, 0.05, 0.05, 0.3), 0.0, 0.2),
    "pointing": HandShape((0.0, 1.3, 1.35, 1.35, 0.7), 0.0, 0.0),
    "grip": HandShape((0.8, 0.85, 0.95, 0.9, 0.45), 0.03, -0.15),
    "pinch": HandShape((0.65, 0.75, 1.1, 1.0, 0.6), 0.0, 0.35),
}
SHAPE_NAMES = tuple(HAND_SHAPES)

#: For each gesture of the arms the hand of the arm that acts (Gesture.left_arm) and of the other, with which it comes in nine of
#: ten pictures; and how far the jaw is open and the face smiles (the first expression).
_GESTURE_HANDS: dict[str, tuple[str, str, float, float]] = {
    "standing": ("relaxed", "relaxed", 0.0, 0.0),
    "walking": ("relaxed", "relaxed", 0.0, 0.0),
    "phone": ("grip", "relaxed", 0.18, 0.3),
    "reading": ("pinch", "pinch", 0.0, -0.8),
    "arms folded": ("flat", "fist", 0.0, -1.0),
    "hands on hips": ("fist", "fist", 0.05, -0.5),
    "pointing": ("pointing", "relaxed", 0.12, 0.0),
    "waving": ("open", "relaxed", 0.1, 1.5),
    "cheering": ("fist", "fist", 0.35, 2.0),
    "stretching out": ("open", "open", 0.0, 0.5),
    "crouching": ("grip", "grip", 0.0, 0.0),
    "sitting": ("flat", "flat", 0.0, 0.5),
    "kicking": ("fist", "fist", 0.2, -0.5),
    "bowing": ("flat", "flat", 0.0, 0.0),
}
_FAITHFUL = 0.9


def expected_hands(rng: np.random.Generator, gestures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shape indices (n, 2) of the acting and the other hand, and (n, 2) jaw and smile, for gestures (n,)."""
    table = [_GESTURE_HANDS[name] for name in GESTURES]
    shapes = np.array([[SHAPE_NAMES.index(acting), SHAPE_NAMES.index(other)] for acting, other, _, _ in table])
    faces = np.array([[jaw, smile] for _, _, jaw, smile in table])
    drawn = rng.integers(len(SHAPE_NAMES), size=(len(gestures), 2))
    faithful = rng.random((len(gestures), 2)) < _FAITHFUL
    return np.where(faithful, shapes[gestures], drawn), faces[gestures]


def finger_axes(model: SkinnedBody, side: str) -> dict[str, tuple[Tensor, Tensor]]:
    """For each finger the axis that curls it into the palm and the one that spreads it, unit vectors of the rest pose."""
    joints = model.rest_joints(torch.zeros(10), torch.zeros(10))

    def at(name: str) -> Tensor:
        return joints[_INDEX[f"{side}_{name}"]]

    def unit(v: Tensor) -> Tensor:
        return v / v.norm()

    across = unit(at("index1") - at("pinky1"))
    along = unit(at("middle2") - at("middle1"))
    palm = unit(torch.linalg.cross(across, along))
    palm = palm * torch.sign(-palm[1])  # in the T pose palms look down
    axes = {}
    for finger in FINGERS:
        direction = unit(at(f"{finger}2") - at(f"{finger}1"))
        towards = palm if finger != "thumb" else unit(palm - across)
        curl = unit(torch.linalg.cross(direction, towards))
        axes[finger] = (curl, palm)
    return axes


def hand_rotations(
    rng: np.random.Generator, shapes: np.ndarray, model: SkinnedBody, side: str
) -> tuple[Tensor, Tensor]:
    """Shapes (n,) to the fingers' R_parent_joint (n, 15, 3, 3) and a rotation of the wrist (n, 3, 3)."""
    n = len(shapes)
    table = list(HAND_SHAPES.values())
    axes = finger_axes(model, side)
    curls = np.array([table[s].curl for s in shapes])
    spread = np.array([table[s].spread for s in shapes])
    # A hand is more or less closed as a whole, then each finger, then each joint.
    curls = curls * rng.uniform(0.8, 1.15, (n, 1)) + rng.normal(0, 0.08, (n, 5))
    rotations = torch.empty(n, 15, 3, 3)
    for f, finger in enumerate(FINGERS):
        curl_axis, palm = axes[finger]
        fan = {"index": 1.0, "middle": 0.2, "ring": -0.6, "pinky": -1.4, "thumb": 0.0}[finger]
        for k in range(3):
            angle = curls[:, f] * (0.85, 1.05, 0.8)[k] + rng.normal(0, 0.05, n)
            rotvec = torch.from_numpy(angle.astype(np.float32))[:, None] * curl_axis
            if k == 0:
                sign = 1.0 if side == "left" else -1.0
                rotvec = rotvec + torch.from_numpy((sign * fan * spread).astype(np.float32))[:, None] * palm
            rotations[:, 3 * f + k] = rotvec_to_rotmat(rotvec)
    bend = np.array([table[s].wrist for s in shapes]) + rng.normal(0, 0.15, n)
    wrist = rotvec_to_rotmat(torch.from_numpy(bend.astype(np.float32))[:, None] * axes["middle"][0])
    return rotations, wrist


def expressive_rotations(
    rng: np.random.Generator,
    R_body: Tensor,
    gestures: np.ndarray,
    mirrored: np.ndarray,
    model: SkinnedBody,
    follow: bool,
) -> tuple[Tensor, Tensor]:
    """Poses R_body (n, 23, 3, 3) of gestures (n,), mirrored or not (n,), to R_parent_joint (n, 54, 3, 3), expressions (n, 10).

    follow: hands and faces belong to the arms' gesture. Otherwise they are those of another picture: as often the same hands, but
    no arm says which. That is the control of an ablation.
    """
    n = len(gestures)
    shapes, faces = expected_hands(rng, gestures)
    by_side = np.where(mirrored[:, None], shapes[:, ::-1], shapes)  # columns left, right
    if not follow:
        by_side, faces = by_side[rng.permutation(n)], faces[rng.permutation(n)]
    R = torch.eye(3).expand(n, SMPLX.num_joints - 1, 3, 3).clone()
    R[:, :21] = R_body[:, :21]
    for column, side in enumerate(("left", "right")):
        fingers, wrist = hand_rotations(rng, by_side[:, column], model, side)
        first = _INDEX[f"{side}_index1"] - 1
        R[:, first : first + 15] = fingers
        slot = _INDEX[f"{side}_wrist"] - 1
        R[:, slot] = R[:, slot] @ wrist
    jaw = np.clip(faces[:, 0] + rng.normal(0, 0.06, n), 0, 0.5)
    R[:, _INDEX["jaw"] - 1] = rotvec_to_rotmat(
        torch.from_numpy(np.stack([jaw, 0 * jaw, 0 * jaw], -1).astype(np.float32))
    )
    expression = rng.standard_normal((n, 10)) * 0.7
    expression[:, 0] += faces[:, 1]
    return R, torch.from_numpy(expression.astype(np.float32))
