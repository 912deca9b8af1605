"""SMPL-family parameters as other people store them, to keypoints in the photograph's camera frame."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np
import roma
import torch
from torch import Tensor

from hmr.body import BodyModel, BodyParams
from hmr.formats.person_candidate import BY_PARAMETERS, BY_STAND_IN
from hmr.free_body import free_body
from hmr.skeleton import NUM_TWISTS
from hmr.skinned_body import SkinnedBody

#: Said where parameters are judged on the free body. Measured by ``benchmarks/stand_in``.
STAND_IN_NOTE = (
    "parameters without --body_model were put on the free body at its mean build, since their betas mean nothing to it: "
    "people of other builds are judged 77 mm off on average"
)

#: Where the mean pelvis is at rest, by the number of joints of a body pose: of SMPL (23) and of SMPL-X (21), metres.
_PELVIS = {23: (-0.0018, -0.2233, 0.0282), 21: (0.0031, -0.3514, 0.0120)}


@dataclass(frozen=True, eq=False)
class StandIn(SkinnedBody):
    """The free body in the place of the model that parameters are of.

    Its own pelvis is at the origin at rest, theirs are not. Its shape space is another one, so their betas say nothing here: all
    bodies have its mean build.
    """


@lru_cache(maxsize=1)
def stand_in() -> StandIn:
    body = free_body(6900)
    return StandIn(**{field.name: getattr(body, field.name) for field in fields(body)})


def judged_by(model: BodyModel) -> str:
    """What a ranking or a cleaning says of parameters that were put on ``model``."""
    return BY_STAND_IN if isinstance(model, StandIn) else BY_PARAMETERS


def rest_pelvis(model: BodyModel, shape: Tensor, joints: int) -> Tensor:
    """(..., 3) where the pelvis is, at rest, of the model that parameters of so many joints are of.

    Raises ValueError when ``model`` is of the other family.
    """
    if isinstance(model, StandIn):
        return torch.tensor(_PELVIS[joints]).expand(*shape.shape[:-1], 3)
    family = model.name.partition("-")[0]
    if (family == "smpl" and joints == 21) or (family in ("smplx", "smplh") and joints == 23):
        raise ValueError(f"its pose is of {joints} joints (SMPL has 23, SMPL-X 21), the body model is {family}")
    return model.rest_keypoints(shape)[..., 0, :]


def rotations(values: np.ndarray, joints: int) -> Tensor:
    """Axis-angle (3 joints,), (joints, 3) or matrices (joints, 3, 3) to (joints, 3, 3).

    Raises ValueError for another number of joints.
    """
    flat = torch.from_numpy(np.asarray(values, dtype=np.float32)).flatten()
    if flat.numel() == 9 * joints:
        return flat.view(joints, 3, 3)
    if flat.numel() == 3 * joints:
        return roma.rotvec_to_rotmat(flat.view(joints, 3))
    raise ValueError(f"expected rotations of {joints} joints (axis-angle or matrices), got {np.shape(values)}")


def body_joints(body_poses: np.ndarray) -> int:
    """How many joints rows (n, ...) of rotations are of: SMPL's 23 or SMPL-X's 21."""
    return 21 if np.size(body_poses[0]) in (21 * 3, 21 * 9) else NUM_TWISTS


def body_rotations(body_pose: np.ndarray) -> Tensor:
    """SMPL's 23 joints, or SMPL-X's 21 (the two hand joints are then at rest), to (23, 3, 3)."""
    if body_joints(np.asarray(body_pose)[None]) == 21:
        return torch.cat([rotations(body_pose, 21), torch.eye(3).expand(2, 3, 3)])
    return rotations(body_pose, NUM_TWISTS)


def check_betas(betas: np.ndarray) -> None:
    """Raises ValueError for fewer than the ten that are fitted."""
    if np.size(betas) < 10:
        raise ValueError(f"has {np.size(betas)} betas; ten are needed")


def body_of_parameters(
    global_orient: np.ndarray, body_pose: np.ndarray, betas: np.ndarray, transl: np.ndarray, model: BodyModel
) -> BodyParams:
    """One body in the frame of ``transl``, which moves the whole model as in smplx: the pelvis is at transl + rest pelvis.

    model: the user's SMPL file where there is one, else ``stand_in()``, whose bones are not quite as long and whose betas are
    zeros. Raises ValueError for parameters of the other family.
    """
    if np.size(global_orient) not in (3, 9):
        raise ValueError(f"holds {np.shape(global_orient)[0]} people, one is expected: write a file for each")
    shape = torch.zeros(10)
    given = torch.from_numpy(np.asarray(betas, dtype=np.float32)).flatten()
    if not bool(given.isfinite().all()):
        raise ValueError("its betas are not finite")
    if not isinstance(model, StandIn):
        shape[: min(len(given), 10)] = given[:10]
    pelvis = rest_pelvis(model, shape, body_joints(np.asarray(body_pose)[None]))
    moved = torch.from_numpy(np.asarray(transl, dtype=np.float32)).flatten()
    if moved.numel() != 3:
        raise ValueError(f"expected a translation of 3 numbers, got {np.shape(transl)}")
    return BodyParams(rotations(global_orient, 1)[0], body_rotations(body_pose), shape, moved + pelvis)


def keypoints_of_parameters(
    global_orient: np.ndarray, body_pose: np.ndarray, betas: np.ndarray, transl: np.ndarray, model: BodyModel
) -> Tensor:
    """(29, 3) of ``body_of_parameters``."""
    return model.keypoints(body_of_parameters(global_orient, body_pose, betas, transl, model))


def transl_of(params: BodyParams, model: BodyModel, joints: int) -> Tensor:
    """(..., 3) the inverse for the place: how smplx says where bodies are."""
    return params.t_cam_root - rest_pelvis(model, params.shape, joints)


def rotation_numbers(R: Tensor, like: np.ndarray) -> np.ndarray:
    """Rotations (m, j, 3, 3) as a file stores them, whose rows are ``like`` (n, ...): (m, 9 j) where it holds matrices, else
    rotation vectors (m, 3 j)."""
    as_matrices = like[0].size == 9 * R.shape[1]
    return (R if as_matrices else roma.rotmat_to_rotvec(R)).flatten(1).numpy()
