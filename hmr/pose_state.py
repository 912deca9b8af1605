"""The paper's state of a body in a crop: 29 keypoints as UVD and 23 twists as (cos, sin) (ADHMR section 3.2).

u, v run from -1 to 1 across the square crop; d is the depth relative to the pelvis in metres. With the crop's camera and
its *extent* (how many metres the crop spans at the depth of the pelvis) a state and a shape are a whole body.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hmr.body import BodyModel, BodyParams, smpl_of
from hmr.camera import backproject, project
from hmr.inverse_kinematics import rotations_from_keypoints, twists_from_rotations
from hmr.skeleton import NUM_KEYPOINTS, NUM_TWISTS

STATE_DIM = NUM_KEYPOINTS * 3 + NUM_TWISTS * 2
#: What a packed state is called in files; networks that diffuse something else name it otherwise.
UVD_AND_TWISTS = "uvd-and-twists"


@dataclass(frozen=True)
class PoseState:
    """uvd: (..., 29, 3). twist: (..., 23, 2), (cos, sin), not necessarily normalised."""

    uvd: Tensor
    twist: Tensor

    def pack(self) -> Tensor:
        """(..., 133)."""
        return torch.cat([self.uvd.flatten(-2), self.twist.flatten(-2)], dim=-1)

    @classmethod
    def unpack(cls, packed: Tensor) -> PoseState:
        split = NUM_KEYPOINTS * 3
        return cls(
            uvd=packed[..., :split].unflatten(-1, (NUM_KEYPOINTS, 3)),
            twist=packed[..., split:].unflatten(-1, (NUM_TWISTS, 2)),
        )


def uvd_from_points(points_cam: Tensor, K: Tensor, size: int) -> Tensor:
    """(..., 29, 3) camera-frame keypoints, pelvis first, to UVD. size: the crop's side in pixels."""
    uv = project(points_cam, K) * (2 / size) - 1
    return torch.cat([uv, points_cam[..., 2:] - points_cam[..., :1, 2:]], dim=-1)


def points_from_uvd(uvd: Tensor, extent: Tensor, K: Tensor, size: int) -> Tensor:
    """The inverse. extent: (...) metres across the crop at the pelvis. Returns (..., 29, 3)."""
    z_root = root_depth(extent, K, size)
    pixels = (uvd[..., :2] + 1) * (size / 2)
    depth = (z_root[..., None] + uvd[..., 2]).clamp_min(0.1)
    return backproject(pixels, depth, K)


def crop_extent(t_cam_root: Tensor, K: Tensor, size: int) -> Tensor:
    """(..., 3) to (...): metres across the crop at the pelvis. Unlike depth it does not depend on the focal length."""
    return t_cam_root[..., 2] * size / K[..., 0, 0]


def root_depth(extent: Tensor, K: Tensor, size: int) -> Tensor:
    """Metres from the camera to the pelvis along z; the inverse of ``crop_extent``."""
    return extent * K[..., 0, 0] / size


def state_from_body(params: BodyParams, model: BodyModel, K: Tensor, size: int) -> PoseState:
    """K: (..., 3, 3) of the crop, broadcastable to the batch."""
    params, model = smpl_of(params), model.smpl
    points = model.keypoints(params)
    twist = twists_from_rotations(params.R_parent_joint, model.rest_keypoints(params.shape))
    return PoseState(uvd=uvd_from_points(points, K, size), twist=twist)


def body_from_state(
    state: PoseState, shape: Tensor, extent: Tensor, K: Tensor, size: int, model: BodyModel
) -> BodyParams:
    """Inverse of ``state_from_body``, by hybrid inverse kinematics: bodies of SMPL's 24 joints.

    shape (..., 10), extent (...), K (..., 3, 3) broadcastable."""
    points = points_from_uvd(state.uvd, extent, K, size)
    R_cam_root, R_parent_joint = rotations_from_keypoints(points, state.twist, model.smpl.rest_keypoints(shape))
    return BodyParams(
        R_cam_root=R_cam_root,
        R_parent_joint=R_parent_joint,
        shape=shape.expand(*points.shape[:-2], shape.shape[-1]),
        t_cam_root=points[..., 0, :],
    )
