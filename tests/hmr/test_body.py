import numpy as np
import pytest
import roma
import torch

from hmr.body import BodyParams
from hmr.free_body import LEVELS, free_body
from hmr.pose_state import body_from_state, crop_extent, state_from_body


def plausible_params(n: int, seed: int, angle: float = 0.4) -> BodyParams:
    g = torch.Generator().manual_seed(seed)
    return BodyParams(
        R_cam_root=roma.rotvec_to_rotmat(torch.randn(n, 3, generator=g)),
        R_parent_joint=roma.rotvec_to_rotmat(angle * torch.randn(n, 23, 3, generator=g).clamp(-2, 2)),
        shape=torch.randn(n, 10, generator=g),
        t_cam_root=torch.randn(n, 3, generator=g) * 0.2 + torch.tensor([0.0, 0.0, 5.0]),
    )


@pytest.mark.parametrize("level", LEVELS)
def test_skinning_equals_smplx(level):
    lbs = pytest.importorskip("smplx.lbs")
    model = free_body(level)
    params = plausible_params(4, 0)
    rotations = torch.cat([params.R_cam_root[:, None], params.R_parent_joint], 1)
    v = len(model.v_template)
    J = model.joint_template
    # smplx regresses joints from vertices; give it a regressor that reproduces ours exactly.
    from importlib.resources import files

    J_regressor = torch.from_numpy(
        np.load(str(files("hmr.free_body") / f"free_body_{level}.npz"))["J_regressor"].astype(np.float32)
    )
    vertices, joints = lbs.lbs(
        params.shape, rotations, model.v_template[None], model.directions, torch.zeros(23 * 9, v * 3), J_regressor,
        torch.tensor([-1, *(0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)]),
        model.weights, pose2rot=False,
    )  # fmt: skip
    body = model.posed(params)
    ours = body.vertices - body.keypoints[:, :1]
    theirs = vertices - joints[:, :1]
    assert (ours - theirs).abs().max() < 1e-5
    assert (body.joints - body.keypoints[:, :1] - (joints[:, :24] - joints[:, :1])).abs().max() < 1e-5
    assert J.shape == (24, 3)


def test_keypoints_alone_equal_posed_keypoints():
    model = free_body(1200)
    params = plausible_params(3, 1)
    assert torch.allclose(model.keypoints(params), model.posed(params).keypoints, atol=1e-6)


def test_leaf_points_lie_on_the_skinned_surface():
    model = free_body(1200)
    body = model.posed(plausible_params(3, 2))
    assert (body.vertices[:, model.point_vertices] - body.keypoints[:, 24:]).abs().max() < 1e-4


@pytest.mark.parametrize("level", LEVELS)
def test_pose_state_round_trip_is_exact(level):
    model = free_body(level)
    params = plausible_params(64, 3)
    K = torch.tensor([[300.0, 0, 40], [0, 300.0, 55], [0, 0, 1]])
    state = state_from_body(params, model, K, 96)
    back = body_from_state(state, params.shape, crop_extent(params.t_cam_root, K, 96), K, 96, model)
    assert chordal_angle(back.R_cam_root, params.R_cam_root).max() < 1e-4
    assert chordal_angle(back.R_parent_joint, params.R_parent_joint).max() < 1e-4
    assert (back.t_cam_root - params.t_cam_root).abs().max() < 1e-4


def chordal_angle(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """The angle between rotations, precise near zero where the trace formula is not."""
    return 2 * torch.asin(((a - b).square().sum((-1, -2)).sqrt() / (2 * 2**0.5)).clamp(max=1))
