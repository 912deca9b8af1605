"""The motion of one person as BVH: y up, centimetres, the camera at the origin."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from adhmr.export.motion import BodyMotion, upright, upright_rotation
from adhmr.export.skin import skinned
from hmr.body import BodyModel
from hmr.formats.motion.bvh import BvhMotion, write_bvh
from hmr.skinned_body import SkinnedBody


def bvh_motion(motion: BodyMotion, model: BodyModel) -> BvhMotion:
    """Joints of the person's own build. Raises ValueError for betas that change, or times that are not even."""
    motion.check_one_build()
    body, bodies = skinned(model), motion.bodies
    shape, expression = motion.rest()
    joints, parents = body.rest_joints(shape, expression), body.skeleton.joint_parents
    offsets = torch.cat([torch.zeros(1, 3), joints[1:] - joints[list(parents[1:])]])
    return BvhMotion(
        body.skeleton.joint_names,
        parents,
        offsets,
        torch.cat([upright_rotation(bodies.R_cam_root)[:, None], bodies.R_parent_joint], 1),
        upright(bodies.t_cam_root),
        motion.frame_time_s(),
        _ends(body, body.rest_vertices(shape, expression), joints),
    )


def _ends(body: SkinnedBody, vertices: Tensor, joints: Tensor) -> dict[int, tuple[float, float, float]]:
    """Where the bones of joints without children end: at the vertex that is furthest from the joint among those it moves most."""
    owner, out = body.weights.argmax(-1), {}
    for joint in set(range(len(joints))) - set(body.skeleton.joint_parents):
        reach = vertices[owner == joint] - joints[joint]
        if len(reach):
            x, y, z = reach[reach.norm(dim=-1).argmax()].tolist()
            out[joint] = (x, y, z)
    return out


def write_body_bvh(path: Path, motion: BodyMotion, model: BodyModel) -> None:
    """One person's motion, or pose. Raises ValueError for betas that change with time, or times that are not even."""
    write_bvh(path, bvh_motion(motion, model))
