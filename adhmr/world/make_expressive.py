"""Make pictures of people with hands and faces, with exact labels, from a scene and a seed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from adhmr.world.domains import SOURCE, Domain
from adhmr.world.hands import expressive_rotations
from adhmr.world.looks import sample_looks
from adhmr.world.make import CHUNK, crop_cameras, exact_crops, sample_bodies
from hmr.body import BodyParams
from hmr.camera import project
from hmr.part_boxes import BOXED_PARTS, part_boxes
from hmr.rendering.render import Looks, render
from hmr.samples import Samples
from hmr.skeleton_smplx import PART_NAMES, SMPLX
from hmr.skinned_body import SkinnedBody

#: What a video call shows: no hips, no legs.
_UPPER = tuple(
    i for i, name in enumerate(SMPLX.keypoint_names)
    if name != "pelvis" and not any(part in name for part in ("hip", "knee", "ankle", "foot", "spine1"))
)  # fmt: skip


@dataclass(frozen=True)
class Scene:
    """domain: camera, light, clutter, things in the way. upper_body: the crop shows the upper body, as in video calls.

    hands_follow: hands and faces belong to the arms' gesture (else they are another picture's: the control). hidden_hands: share
    of hands with a thing before them.
    """

    domain: Domain = SOURCE
    upper_body: bool = True
    hands_follow: bool = True
    hidden_hands: float = 0.25


def _hide_hands(
    rng: np.random.Generator, looks: Looks, boxes: np.ndarray, share: float, size: int
) -> tuple[Looks, np.ndarray]:
    """Put a thing before some hands, in the last two places for occluders; boxes (n, 2, 3) of hands in units of the crop."""
    hidden = rng.random(boxes.shape[:2]) < share
    occluders = looks.occluders.copy()
    things = occluders[:, -2:]
    half = 0.5 * boxes[..., 2:] * size * rng.uniform(0.75, 1.2, (*boxes.shape[:2], 2))
    centre = boxes[..., :2] * size + rng.normal(0, 0.15, (*boxes.shape[:2], 2)) * half
    things[..., 0] = np.where(hidden, rng.integers(1, 3, hidden.shape), things[..., 0])
    for column, value in ((slice(1, 3), centre), (slice(3, 5), np.maximum(half, 1.0))):
        things[..., column] = np.where(hidden[..., None], value, things[..., column])
    occluders[:, -2:] = things
    return replace(looks, occluders=occluders.astype(np.float32)), hidden


def make_expressive_samples(
    scene: Scene, count: int, size: int, seed: int, model: SkinnedBody, prefix: str, box_jitter: float = 0.05
) -> tuple[Samples, np.ndarray]:
    """``count`` pictures of ``size`` px with exact labels, and which hands are hidden (n, 2), left and right.

    The same arguments give the same bytes.
    """
    layout = model.smpl
    parts, hidden = [], []
    for start in range(0, count, CHUNK):
        n = min(CHUNK, count - start)
        rng = np.random.default_rng([seed, start])
        body, poses = sample_bodies(rng, n, scene.domain, layout)
        R, expression = expressive_rotations(
            rng, poses.R_parent_joint, poses.gesture, poses.mirrored, model, scene.hands_follow
        )
        params = BodyParams(body.R_cam_root, R, body.shape, body.t_cam_root, expression)
        posed = model.posed(params)
        framed = posed.keypoints[:, list(_UPPER)] if scene.upper_body else posed.keypoints
        K = crop_cameras(rng, framed, size, box_jitter)
        xy = project(posed.keypoints, K)
        looks = sample_looks(rng, n, scene.domain, layout, size)
        hands = [BOXED_PARTS.index("left_hand"), BOXED_PARTS.index("right_hand")]
        boxes = part_boxes(xy, size)[0][:, hands].numpy()
        looks, hidden_here = _hide_hands(rng, looks, boxes, scene.hidden_hands, size)
        pictures = render(posed.vertices.numpy(), model.faces.numpy(), K.numpy(), size, looks)
        hidden.append(hidden_here)
        parts.append(
            replace(
                exact_crops(prefix, start, pictures, K, params, xy, looks),
                part_known=torch.ones(n, len(PART_NAMES), dtype=torch.bool),
            )
        )
    return replace(Samples.cat(parts), body=model.family), np.concatenate(hidden)
