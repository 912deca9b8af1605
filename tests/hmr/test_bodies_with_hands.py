"""The 55-joint body: its layout, its agreement with smplx, its files."""

from dataclasses import replace

import numpy as np
import pytest
import smplx
import torch
from body_file import write_smplx_file
from roma import rotmat_to_rotvec, rotvec_to_rotmat

import hmr.free_body
from hmr.body import BodyParams, smpl_of, smplx_of
from hmr.body_codec import arrays_of_bodies, bodies_of_arrays
from hmr.free_body import free_body, free_body_with_hands
from hmr.part_boxes import part_boxes
from hmr.part_metrics import expressive_errors_mm, finger_variance
from hmr.skeleton_smplx import SMPLX
from hmr.skinned_body import SkinnedBody


def random_bodies(count: int, seed: int = 0) -> BodyParams:
    g = torch.Generator().manual_seed(seed)

    def turns(*shape: int) -> torch.Tensor:
        return rotvec_to_rotmat(0.4 * torch.randn(*shape, 3, generator=g))

    return BodyParams(
        turns(count),
        turns(count, 54),
        shape=torch.randn(count, 10, generator=g),
        expression=torch.randn(count, 10, generator=g),
        t_cam_root=torch.tensor([0.1, 0.2, 4.0]).expand(count, 3),
    )


def test_the_tree_is_smplx_s() -> None:
    assert len(SMPLX.joint_names) == 55
    assert SMPLX.joint_names[20:26] == ("left_wrist", "right_wrist", "jaw", "left_eye", "right_eye", "left_index1")
    assert SMPLX.joint_parents[22:31] == (15, 15, 15, 20, 25, 26, 20, 28, 29)
    assert SMPLX.joint_parents[40:43] == (21, 40, 41)


def test_skinning_agrees_with_smplx(tmp_path, monkeypatch) -> None:
    ids = smplx.body_models.VERTEX_IDS
    monkeypatch.setitem(ids, "smplx", dict.fromkeys(ids["smplx"], 0))  # its own are of another topology
    model = free_body_with_hands(2500)
    theirs = smplx.SMPLX(
        str(write_smplx_file(tmp_path)), use_pca=False, flat_hand_mean=True, create_transl=False,
    )  # fmt: skip
    body = random_bodies(3)
    given = {k: torch.from_numpy(a).flatten(1) for k, a in arrays_of_bodies(body).items()}
    rest = model.rest_joints(body.shape, body.expression)[:, 0]
    out = theirs(
        **{k: given[k] for k in given if k not in ("t_cam_root", "betas", "expression")},
        betas=body.shape, expression=body.expression, transl=body.t_cam_root - rest,
    )  # fmt: skip
    assert torch.allclose(model.posed(body).vertices, out.vertices, atol=1e-5)


def test_keypoints_alone_are_those_of_the_posed_body() -> None:
    model, body = free_body_with_hands(2500), random_bodies(4)
    assert torch.allclose(model.keypoints(body), model.posed(body).keypoints, atol=1e-6)


def test_shape_means_the_same_as_of_the_body_without_hands() -> None:
    betas = torch.randn(6, 10, generator=torch.Generator().manual_seed(1))
    arms = [SMPLX.joint_names.index(f"{side}_{joint}") for side in ("left", "right") for joint in ("wrist", "knee")]
    ours = free_body_with_hands(2500).rest_joints(betas, torch.zeros(6, 10))[:, arms]
    assert (ours - free_body(6900).rest_keypoints(betas)[:, arms]).norm(dim=-1).max() < 0.02


def test_a_body_without_hands_and_back() -> None:
    body = smpl_of(random_bodies(3))
    again = smpl_of(smplx_of(body))
    for field in ("R_cam_root", "R_parent_joint", "shape", "t_cam_root"):
        assert torch.allclose(getattr(again, field), getattr(body, field))


def test_the_layout_moves_as_the_body_with_stiff_hands() -> None:
    model = free_body_with_hands(2500)
    body = smpl_of(random_bodies(2))
    stiff = smplx_of(body)
    knee = SMPLX.joint_names.index("left_knee")
    assert torch.allclose(model.smpl.keypoints(body)[:, :22], model.posed(stiff).joints[:, :22], atol=1e-5)
    assert torch.allclose(model.smpl.posed(body).keypoints[:, knee], model.posed(stiff).joints[:, knee], atol=1e-5)


def test_files_give_back_what_was_written() -> None:
    body = random_bodies(3)
    again = bodies_of_arrays(arrays_of_bodies(body), "a file")
    assert torch.allclose(rotmat_to_rotvec(again.R_parent_joint), rotmat_to_rotvec(body.R_parent_joint), atol=1e-5)
    with pytest.raises(ValueError, match="jaw_pose"):
        bodies_of_arrays({k: a for k, a in arrays_of_bodies(body).items() if k != "jaw_pose"}, "a file")


def test_a_model_without_hands_is_refused_by_what_it_is() -> None:
    with np.load(hmr.free_body.__path__[0] + "/free_body_1200.npz") as file:
        arrays = {key: file[key] for key in file.files}
    with pytest.raises(ValueError, match="not smplx's tree of 55 joints"):
        SkinnedBody.from_smplx_arrays("smpl", arrays, np.zeros(10, dtype=np.int64))


def test_errors_of_a_hand_do_not_count_the_arm() -> None:
    model, body = free_body_with_hands(2500), random_bodies(2)
    R = body.R_parent_joint.clone()
    elbow = SMPLX.joint_names.index("left_elbow") - 1
    R[:, elbow] = R[:, elbow] @ rotvec_to_rotmat(torch.tensor([0.0, 0.7, 0.0]))
    wrong = replace(body, R_parent_joint=R)
    errors = expressive_errors_mm(wrong, body, model)
    assert bool((errors["mpvpe_all"] > 1).all())
    assert bool((errors["mpvpe_left_hand"] > 10).all())  # the hand turns with its arm
    assert bool((errors["pa_mpvpe_left_hand"] < 0.1).all())  # but has the same shape
    assert bool((errors["mpvpe_right_hand"] < 1e-2).all())


def test_static_hands_have_no_variance() -> None:
    body = random_bodies(5)
    static = body.R_parent_joint[:1].expand(5, -1, -1, -1)
    assert float(finger_variance(body)) > 1
    assert float(finger_variance(replace(body, R_parent_joint=static))) < 1e-9


def test_boxes_outside_the_picture_are_none() -> None:
    points = torch.full((1, 81, 2), 32.0)
    points[:, list(SMPLX.parts["left_hand"])] = 200.0
    box, inside = part_boxes(points, 64)
    assert inside[0].tolist() == [False, True, True]
    assert bool((box[..., 2] > 0).all())  # also of a part that is one point
    assert set(SMPLX.part_owners) == set(SMPLX.parts)
