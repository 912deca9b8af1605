"""Make a set of pictures with exact labels from a domain and a seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from roma import rotvec_to_rotmat

from adhmr.world.domains import Domain
from adhmr.world.looks import sample_looks
from adhmr.world.poses import Poses, sample_poses
from hmr.body import FACING_CAMERA, BodyParams
from hmr.camera import project, square_crop_affine
from hmr.rendering.render import Looks, render
from hmr.samples import Samples
from hmr.skinned_body import SkinnedBody
from hmr.views import Views

CHUNK = 256


def sample_bodies(rng: np.random.Generator, count: int, domain: Domain, model: SkinnedBody) -> tuple[BodyParams, Poses]:
    """Bodies before a camera, 2 to 8 metres away, a little off its axis; and the poses they are in."""
    poses = sample_poses(rng, count, model)

    def uniform(low: float, high: float) -> torch.Tensor:
        return torch.from_numpy(rng.uniform(low, high, count).astype(np.float32))

    def normal(sigma: float) -> torch.Tensor:
        return torch.from_numpy((sigma * rng.standard_normal(count)).astype(np.float32))

    zero = torch.zeros(count)
    tilt = rotvec_to_rotmat(torch.stack([normal(0.08), zero, normal(0.08)], -1))
    yaw = rotvec_to_rotmat(torch.stack([zero, uniform(-domain.yaw, domain.yaw), zero], -1))
    pitch = rotvec_to_rotmat(torch.stack([uniform(*domain.pitch), zero, zero], -1))
    distance = 1.9 / uniform(0.25, 0.6)
    direction = torch.stack([uniform(-0.15, 0.15), uniform(-0.1, 0.1), torch.ones(count)], -1)
    params = BodyParams(
        R_cam_root=pitch @ FACING_CAMERA @ yaw @ tilt,
        R_parent_joint=poses.R_parent_joint,
        shape=torch.from_numpy(rng.standard_normal((count, 10)).astype(np.float32)).clamp(-2.5, 2.5),
        t_cam_root=direction * distance[:, None],
    )
    return params, poses


def crop_cameras(rng: np.random.Generator, keypoints_cam: torch.Tensor, size: int, jitter: float) -> torch.Tensor:
    """K (n, 3, 3) of square crops around the projected keypoints, moved and scaled a little as detectors' boxes are."""
    n = len(keypoints_cam)
    at_unit_focal = project(keypoints_cam, torch.eye(3))
    box = torch.cat([at_unit_focal.amin(1), at_unit_focal.amax(1)], -1)
    side = (box[:, 2:] - box[:, :2]).amax(-1, keepdim=True)
    shift = torch.from_numpy(rng.normal(0, jitter, (n, 2)).astype(np.float32)) * side
    grow = torch.from_numpy(np.exp(rng.normal(0, jitter, (n, 1))).astype(np.float32))
    centre, half = 0.5 * (box[:, :2] + box[:, 2:]) + shift, 0.5 * (box[:, 2:] - box[:, :2]) * grow
    return square_crop_affine(torch.cat([centre - half, centre + half], -1), size)


def unhidden(xy: torch.Tensor, size: int, occluders: np.ndarray) -> torch.Tensor:
    """xy (n, k, 2) to (n, k): 1 where a keypoint is inside the picture and no occluder lies over it."""
    seen = ((xy > 0) & (xy < size)).all(-1)
    things = torch.from_numpy(occluders)[:, None]  # n 1 k 9
    delta = xy[:, :, None] - things[..., 1:3]
    c, s = torch.cos(things[..., 5]), torch.sin(things[..., 5])
    u = (c * delta[..., 0] + s * delta[..., 1]) / things[..., 3]
    v = (-s * delta[..., 0] + c * delta[..., 1]) / things[..., 4]
    box = (things[..., 0] == 1) & (u.abs() < 1) & (v.abs() < 1)
    ellipse = (things[..., 0] == 2) & (u.square() + v.square() < 1)
    return (seen & ~(box | ellipse).any(-1)).float()


def exact_crops(
    prefix: str, start: int, pictures: np.ndarray, K: torch.Tensor, label: BodyParams, xy: torch.Tensor, looks: Looks
) -> Samples:
    """Exactly labelled pictures (n, s, s, 3) uint8 with keypoints xy (n, k, 2); numbers in the keys begin at ``start``."""
    n, size = len(pictures), pictures.shape[1]
    key = tuple(f"{prefix}-{start + i:06d}" for i in range(n))
    views = Views.whole(key, torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous(), K)
    seen = torch.cat([xy, unhidden(xy, size, looks.occluders)[..., None]], -1)
    return Samples.of(views, label, "synthetic", seen)


def make_samples(
    domain: Domain, count: int, size: int, seed: int, model: SkinnedBody, prefix: str, box_jitter: float = 0.03
) -> Samples:
    """``count`` pictures of ``size`` px with exact labels. The same arguments give the same bytes."""
    parts: list[Samples] = []
    for start in range(0, count, CHUNK):
        n = min(CHUNK, count - start)
        rng = np.random.default_rng([seed, start])
        params, _ = sample_bodies(rng, n, domain, model)
        body = model.posed(params)
        K = crop_cameras(rng, body.keypoints, size, box_jitter)
        looks = sample_looks(rng, n, domain, model, size)
        pictures = render(body.vertices.numpy(), model.faces.numpy(), K.numpy(), size, looks)
        xy = project(body.keypoints, K)
        parts.append(exact_crops(prefix, start, pictures, K, params, xy, looks))
    return replace(Samples.cat(parts), body=model.family)
