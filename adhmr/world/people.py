"""People in any pose before any camera: what a prompted branch learns from, without pictures."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import roma
import torch
from torch import Tensor

from adhmr.world.people_config import PeopleConfig
from adhmr.world.poses import collides, sample_poses
from hmr.body import FACING_CAMERA, BodyParams
from hmr.camera import project, square_crop_affine
from hmr.formats.motion.captured import Motion
from hmr.keypoint_sets import PROMPT_POINTS
from hmr.prompt_points import prompt_points
from hmr.skeleton import JOINT_NAMES
from hmr.skinned_body import SkinnedBody

_CHUNK = 4096
_PLACE = PROMPT_POINTS.place
#: Joints below the waist, as slots of R_parent_joint: legs of one pose go with a trunk of another.
_LEGS = [i - 1 for i, name in enumerate(JOINT_NAMES) if any(p in name for p in ("hip", "knee", "ankle", "foot"))]
_LIMBS = [i - 1 for i, name in enumerate(JOINT_NAMES) if any(p in name for p in ("shoulder", "elbow", "hip", "knee"))]


@dataclass(frozen=True)
class People:
    """n people in crops one unit wide.

    Attributes:
        uv: (n, 24, 2) where people who mark ``PROMPT_POINTS`` would mark them, across the crop from -1 to 1.
        inside: (n, 24) which of them are inside the photograph.
        K: (n, 3, 3) the crops' cameras.
        label: the bodies.
        borders_uv: (n, 4) u0, v0, u1, v1 of the photograph across the crop: it ends there.
    """

    uv: Tensor
    inside: Tensor
    K: Tensor
    label: BodyParams
    borders_uv: Tensor

    def __getitem__(self, rows: Tensor | slice) -> People:
        return People(*(getattr(self, f.name)[rows] for f in fields(self)))


class _Draws:
    """Numbers for n people, as tensors."""

    def __init__(self, rng: np.random.Generator, count: int) -> None:
        self.rng, self.count = rng, count

    def uniform(self, low: float = 0.0, high: float = 1.0) -> Tensor:
        return torch.from_numpy(self.rng.uniform(low, high, self.count).astype(np.float32))

    def log_uniform(self, low: float, high: float) -> Tensor:
        return self.uniform(float(np.log(low)), float(np.log(high))).exp()

    def normal(self, *shape: int) -> Tensor:
        return torch.from_numpy(self.rng.standard_normal((self.count, *shape)).astype(np.float32))

    def yes(self, share: float) -> Tensor:
        return self.uniform() < share


def make_people(
    config: PeopleConfig, count: int, seed: int, model: SkinnedBody, motion: Motion | None = None
) -> People:
    """The same arguments give the same people."""
    parts = []
    for start in range(0, count, _CHUNK):
        draws = _Draws(np.random.default_rng([seed, start]), min(_CHUNK, count - start))
        parts.append(_some(config, draws, model, motion))
    uv, inside, K, borders = (
        torch.cat([getattr(part, name) for part in parts]) for name in ("uv", "inside", "K", "borders_uv")
    )
    return People(uv, inside, K, BodyParams.cat([part.label for part in parts]), borders)


def _some(config: PeopleConfig, draws: _Draws, model: SkinnedBody, motion: Motion | None) -> People:
    params, focal = _bodies(config, draws, model, motion)
    K = torch.eye(3).repeat(draws.count, 1, 1)
    K[:, 0, 0] = K[:, 1, 1] = focal
    K[:, :2, 2] = 0.5
    marked = as_annotated(prompt_points(params, model), draws)
    in_picture = project(marked, K)
    borders = _borders(config, draws, in_picture)
    inside = ((in_picture >= borders[:, None, :2]) & (in_picture <= borders[:, None, 2:])).all(-1)
    A = _crops(config, draws, project(model.smpl.keypoints(params), K), borders)
    corners = borders.unflatten(1, (2, 2)) @ A[:, :2, :2].transpose(1, 2) + A[:, None, :2, 2]
    return People(2 * project(marked, A @ K) - 1, inside, A @ K, params, (2 * corners - 1).flatten(1))


def _bodies(
    config: PeopleConfig, draws: _Draws, model: SkinnedBody, motion: Motion | None
) -> tuple[BodyParams, Tensor]:
    """Bodies in the frame of cameras with these focal lengths (n,), in sides of the picture."""
    R_parent_joint, R_up_root = _poses(config, draws, model, motion)
    n, zero = draws.count, torch.zeros(draws.count)
    yaw = roma.rotvec_to_rotmat(torch.stack([zero, draws.uniform(-np.pi, np.pi), zero], -1))
    pitch = roma.rotvec_to_rotmat(torch.stack([draws.uniform(*config.pitch), zero, zero], -1))
    roll = roma.rotvec_to_rotmat(torch.stack([zero, zero, 0.06 * draws.normal()], -1))
    R = roll @ pitch @ FACING_CAMERA @ yaw @ R_up_root
    turned = draws.yes(config.any_rotation)[:, None, None]
    R = torch.where(turned, roma.special_gramschmidt(draws.normal(3, 3)), R)
    focal, height = draws.log_uniform(*config.focal), draws.uniform(*config.height)
    depth = 1.7 * focal / height
    centre = torch.stack([draws.uniform(-0.5, 0.5), draws.uniform(-0.5, 0.5)], -1) * (1 - 0.6 * height)[:, None]
    place = torch.cat([centre / focal[:, None], torch.ones(n, 1)], -1) * depth[:, None]
    shape = draws.normal(10).clamp(-2.5, 2.5)
    return BodyParams(R, R_parent_joint, shape, place), focal


def _poses(config: PeopleConfig, draws: _Draws, model: SkinnedBody, motion: Motion | None) -> tuple[Tensor, Tensor]:
    """R_parent_joint (n, 23, 3, 3), and how bodies lean on an upright floor (n, 3, 3), without a heading."""
    n, rng = draws.count, draws.rng
    near, far = sample_poses(rng, n, model).R_parent_joint, sample_poses(rng, n, model, wide=True).R_parent_joint
    R = torch.where(draws.yes(config.everyday)[:, None, None, None], near, far)
    sigma = torch.where(draws.yes(config.tilted), config.tilt, 0.1)[:, None]
    lean = roma.rotvec_to_rotmat(sigma * draws.normal(3) * torch.tensor([1.0, 0.0, 1.0]))
    if motion is not None and len(motion):
        taken = motion[torch.from_numpy(rng.integers(len(motion), size=n))]
        other = taken.mirrored()
        side = draws.yes(0.5)[:, None, None]
        R_taken = torch.where(side[..., None], taken.R_parent_joint, other.R_parent_joint)
        R_root = torch.where(side, taken.R_world_root, other.R_world_root)
        wobble = torch.zeros(n, R.shape[1], 3)
        wobble[:, _LIMBS] = 0.08 * draws.normal(len(_LIMBS), 3)
        R_taken = R_taken @ roma.rotvec_to_rotmat(wobble)
        captured = draws.yes(config.captured)[:, None, None]
        R, lean = torch.where(captured[..., None], R_taken, R), torch.where(captured, R_root, lean)
    legs = R[torch.from_numpy(rng.permutation(n))]
    mixed = R.clone()
    mixed[:, _LEGS] = legs[:, _LEGS]
    mixed = torch.where(draws.yes(config.other_legs)[:, None, None, None], mixed, R)
    bad = collides(mixed, model.smpl.rest_keypoints(torch.zeros(10)))
    return torch.where(bad[:, None, None, None], R, mixed), lean


def as_annotated(points: Tensor, draws: _Draws) -> Tensor:
    """Points of the body (n, 24, 3) where people mark them: hips and shoulders lie wider, closer, higher or lower than joints do,
    and all a centimetre elsewhere."""
    out = points + 0.01 * draws.normal(len(_PLACE), 3)
    up = torch.nn.functional.normalize(out[:, _PLACE["neck"]] - out[:, _PLACE["mid_hip"]], dim=-1)
    for part, narrow, wide in (("hip", 0.85, 1.7), ("shoulder", 0.85, 1.15)):
        pair = [_PLACE[f"left_{part}"], _PLACE[f"right_{part}"]]
        middle = out[:, pair].mean(1, keepdim=True)
        apart = draws.uniform(narrow, wide)[:, None, None]
        out[:, pair] = middle + apart * (out[:, pair] - middle) + (0.03 * draws.normal(1, 1)) * up[:, None]
    out[:, _PLACE["mid_hip"]] = out[:, [_PLACE["left_hip"], _PLACE["right_hip"]]].mean(1)
    return out


def annotated_points(params: BodyParams, model: SkinnedBody, seed: int) -> Tensor:
    """(n, 24, 3) where people would mark bodies [n], camera frame, metres."""
    points = prompt_points(params, model)
    return as_annotated(points, _Draws(np.random.default_rng(seed), len(points)))


def _borders(config: PeopleConfig, draws: _Draws, points: Tensor) -> Tensor:
    """(n, 4) x0, y0, x1, y1 of what of the picture there is: most often it ends below somebody's waist, where it ends."""
    low, high = points.amin(1), points.amax(1)
    far = 10 * (high - low).amax(-1, keepdim=True)
    borders = torch.cat([low - far, high + far], -1)
    share = draws.uniform(0.1, 0.6)[:, None]
    cut = torch.cat([low + share * (high - low), high - share * (high - low)], -1)
    # Which side: right, left, above, below.
    which = torch.from_numpy(draws.rng.choice(4, size=draws.count, p=[0.15, 0.08, 0.15, 0.62]))
    side = torch.nn.functional.one_hot(which, 4).bool() & draws.yes(config.truncated)[:, None]
    return torch.where(side, cut, borders)


def _crops(config: PeopleConfig, draws: _Draws, keypoints: Tensor, borders: Tensor) -> Tensor:
    """(n, 3, 3) from the picture to crops one unit wide about what is inside."""
    low = torch.maximum(keypoints.amin(1), borders[:, :2])
    high = torch.minimum(keypoints.amax(1), borders[:, 2:])
    side = (high - low).amax(-1, keepdim=True).clamp_min(1e-3)
    centre = 0.5 * (low + high) + config.box_jitter * side * draws.normal(2)
    half = 0.5 * side * (config.box_jitter * draws.normal(1)).exp()
    return square_crop_affine(torch.cat([centre - half, centre + half], -1), 1)
