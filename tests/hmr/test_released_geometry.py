"""Inverse kinematics, cameras and metrics equal the reference code's outputs."""

import pytest
import torch

from diffusion_hmr.released.sampler import keypoints_in_crop, packed_of_released
from hmr.camera import Camera, backproject, project
from hmr.inverse_kinematics import fitted_pelvis, pelvis_of_spine, rotations_below, rotations_from_keypoints
from hmr.metrics import point_error_mm, similarity_aligned
from hmr.pose_state import PoseState
from hmr.skeleton import NUM_TWISTS


@pytest.fixture(scope="module")
def ik(official):
    return {key: torch.from_numpy(value) for key, value in official("ik_hybrik.npz").items()}


@pytest.mark.official
@pytest.mark.parametrize("kind", ["clean", "noisy"])
def test_inverse_kinematics_is_the_released_one(ik, kind):
    """The released runners use the naive solution, since they never call eval() on the body model."""
    skeleton = ik["skeleton" if kind == "clean" else "skeleton_noisy"]
    root = pelvis_of_spine(skeleton, ik["rest"])
    below = rotations_below(root, skeleton, ik["phis"], ik["rest"])
    torch.testing.assert_close(torch.cat([root[:, None], below], 1), ik[f"{kind}_naive_train_rot"], atol=1e-4, rtol=0)


@pytest.mark.official
def test_on_exact_skeletons_our_solution_is_the_same(ik):
    root, below = rotations_from_keypoints(ik["skeleton"], ik["phis"], ik["rest"])
    torch.testing.assert_close(torch.cat([root[:, None], below], 1), ik["clean_naive_train_rot"], atol=1e-4, rtol=0)


def test_both_pelvises_are_right_on_an_exact_body(small_world):
    from hmr.free_body import free_body

    body, label = free_body(1200), small_world["source"].label
    points, rest = body.keypoints(label), body.rest_keypoints(label.shape)
    for pelvis in (fitted_pelvis, pelvis_of_spine):
        torch.testing.assert_close(pelvis(points, rest), label.R_cam_root, atol=1e-4, rtol=0)


@pytest.mark.official
def test_keypoints_in_a_crop_are_the_same_points_in_the_camera_frame(official):
    """The crop's camera is the picture's after the crop's affine map, and depth is pelvis-relative."""
    f = {key: torch.from_numpy(value).double() for key, value in official("uvd_camera.npz").items()}
    last_row = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64).expand(3, 1, 3)
    camera = Camera.of_squares(torch.linalg.inv(f["Kinv"]), 1)
    camera = camera.transformed(torch.cat([f["trans"], last_row], 1), camera.size_wh * 256)
    depth = f["joint_root"][:, 2:] + f["uvd_crop"][..., 2]
    points = backproject(f["uvd_crop"][..., :2], depth, camera.K)
    torch.testing.assert_close(points - points[:, :1], f["cam_rel"], atol=0.05, rtol=1e-4)
    torch.testing.assert_close(project(points, torch.linalg.inv(f["Kinv"])), f["uv_img"], atol=1e-2, rtol=1e-4)


@pytest.mark.official
def test_released_scaling_of_keypoints(official):
    f = {key: torch.from_numpy(value).float() for key, value in official("uvd_camera.npz").items()}
    torch.testing.assert_close(keypoints_in_crop(f["norm50"]), f["uvd_crop"], atol=1e-3, rtol=1e-5)
    packed = packed_of_released(torch.cat([f["norm50"], torch.zeros(len(f["norm50"]), 2 * NUM_TWISTS)], -1))
    torch.testing.assert_close(PoseState.unpack(packed).uvd.flatten(1), f["norm1"], atol=1e-5, rtol=1e-5)


@pytest.mark.official
def test_errors_are_the_released_evaluation_s(official):
    f = {key: torch.from_numpy(value) for key, value in official("pa_metrics.npz").items()}
    chosen = f["eval14"].tolist()
    # Pelvis-aligned with the first of 17 joints before the 14 are chosen.
    predicted, truth = (f[name].double() / 1000 for name in ("pred_17_mm", "gt_17_mm"))
    predicted, truth = predicted - predicted[:, :1], truth - truth[:, :1]
    for count, joints in (("14", chosen), ("17", list(range(17)))):
        a, b = predicted[:, joints], truth[:, joints]
        torch.testing.assert_close(point_error_mm(a, b), f[f"mpjpe_{count}"].double(), atol=1e-3, rtol=1e-4)
        aligned = point_error_mm(similarity_aligned(a, b), b)
        torch.testing.assert_close(aligned, f[f"pa_mpjpe_{count}"].double(), atol=1e-3, rtol=1e-4)
    mesh = f["mesh_gt"].double()[:, None].expand(-1, 3, -1, -1)
    errors = point_error_mm(similarity_aligned(f["mesh_pred"].double(), mesh), mesh)
    torch.testing.assert_close(errors, f["pa_pve_np_mm"].double(), atol=1e-3, rtol=1e-4)
