"""Where the points that people and detectors mark lie on a body of SMPL's skeleton.

Most are joints or leaf points. Eyes, ears, nose and heels lie on the surface; they are put at fixed offsets in the frames of the
head and the ankles, in units of the head's and the foot's length, so that any body has them. Measured on the free body.
"""

from __future__ import annotations

import torch
from torch import Tensor

from hmr.body import BodyModel, BodyParams, chain_positions, global_rotations, smpl_of
from hmr.keypoint_sets import PROMPT_POINTS, SMPL_OF_POINT
from hmr.skeleton import KEYPOINT_PARENTS, SMPL

#: The middle of the hips is taken from the hips, since the pelvis lies above it.
_JOINTS = {p: SMPL_OF_POINT[p] for p in PROMPT_POINTS.points if p in SMPL_OF_POINT and p != "mid_hip"}
#: Point: the joint whose frame it moves in, the point that gives the unit of length, its place (x left, y up, z to the front).
_ON_SURFACE = {
    "nose": ("head", "head_top", (0.0, 0.04, 0.73)),
    "left_eye": ("head", "head_top", (0.19, 0.26, 0.60)), "right_eye": ("head", "head_top", (-0.19, 0.26, 0.60)),
    "left_ear": ("head", "head_top", (0.50, 0.20, 0.0)), "right_ear": ("head", "head_top", (-0.50, 0.20, 0.0)),
    "left_heel": ("left_ankle", "left_foot", (0.0, -0.20, -0.35)),
    "right_heel": ("right_ankle", "right_foot", (0.0, -0.20, -0.35)),
}  # fmt: skip


def _numbers(points: list[str]) -> list[int]:
    return [SMPL.index(point) for point in points]


_PLACE = PROMPT_POINTS.place
_JOINT_SLOTS, _JOINT_NUMBERS = [_PLACE[p] for p in _JOINTS], _numbers(list(_JOINTS.values()))
_SURFACE_SLOTS = [_PLACE[p] for p in _ON_SURFACE]
_OWNERS = _numbers([owner for owner, _, _ in _ON_SURFACE.values()])
_UNITS = _numbers([unit for _, unit, _ in _ON_SURFACE.values()])
_OFFSETS = torch.tensor([offset for _, _, offset in _ON_SURFACE.values()])
_HIPS = _numbers(["left_hip", "right_hip"])


def _depends() -> Tensor:
    """(24, 24) 1 where a point moves when a joint turns. The middle of the hips moves with the pelvis alone."""
    depends = torch.zeros(len(PROMPT_POINTS), SMPL.num_joints)
    owners = dict(zip(_SURFACE_SLOTS, _OWNERS, strict=True))
    for slot in range(len(PROMPT_POINTS)):
        if slot in owners:
            joint = owners[slot]
        else:
            point = dict(zip(_JOINT_SLOTS, _JOINT_NUMBERS, strict=True)).get(slot, _HIPS[0])
            joint = KEYPOINT_PARENTS[point]
        while joint >= 0:
            depends[slot, joint] = 1
            joint = KEYPOINT_PARENTS[joint]
    return depends


#: Which points move when a joint turns.
DEPENDS = _depends()


def prompt_points(params: BodyParams, model: BodyModel) -> Tensor:
    """Of bodies of any skeleton, (..., 24, 3) as ``PROMPT_POINTS``, camera frame, metres."""
    params = smpl_of(params)
    rest = model.smpl.rest_keypoints(params.shape)
    return points_of_chain(global_rotations(params.R_cam_root, params.R_parent_joint), rest, params.t_cam_root)


def points_of_chain(R_cam_joint: Tensor, rest: Tensor, t_cam_root: Tensor) -> Tensor:
    """The same of joints that are turned already. R_cam_joint (..., 24, 3, 3); rest (..., 29, 3) keypoints of the rest pose."""
    keypoints = chain_positions(R_cam_joint, rest, KEYPOINT_PARENTS) + t_cam_root[..., None, :]
    unit = (rest[..., _UNITS, :] - rest[..., _OWNERS, :]).norm(dim=-1, keepdim=True)
    on_surface = R_cam_joint[..., _OWNERS, :, :] @ (unit * _OFFSETS.to(unit))[..., None]
    out = keypoints.new_empty(*keypoints.shape[:-2], len(PROMPT_POINTS), 3)
    out[..., _JOINT_SLOTS, :] = keypoints[..., _JOINT_NUMBERS, :]
    out[..., _SURFACE_SLOTS, :] = keypoints[..., _OWNERS, :] + on_surface[..., 0]
    out[..., _PLACE["mid_hip"], :] = keypoints[..., _HIPS, :].mean(-2)
    return out
