"""The world with hands: repeatable, and hands that belong to arms unless they must not."""

import numpy as np
import torch
from roma import rotmat_to_rotvec

from adhmr.world.domains import SOURCE
from adhmr.world.hands import expressive_rotations
from adhmr.world.make_expressive import Scene, make_expressive_samples
from adhmr.world.poses import sample_poses
from adhmr.world.pseudo_hands import mixed_expressive_labels
from hmr.free_body import free_body_with_hands
from hmr.samples import load_samples, save_samples
from hmr.skeleton_smplx import SMPLX

MODEL = free_body_with_hands(2500)


def test_the_same_arguments_give_the_same_bytes(tmp_path) -> None:
    a, hidden = make_expressive_samples(Scene(hidden_hands=0.5), 6, 48, 5, MODEL, "a")
    b, again = make_expressive_samples(Scene(hidden_hands=0.5), 6, 48, 5, MODEL, "a")
    assert torch.equal(a.rgb, b.rgb)
    assert (hidden == again).all()
    assert hidden.any()
    save_samples(tmp_path, a)
    loaded = load_samples(tmp_path)
    assert loaded.key == a.key
    assert torch.allclose(loaded.label.expression, a.label.expression)
    assert torch.allclose(loaded.label.R_parent_joint, a.label.R_parent_joint, atol=1e-5)


def share_told_by_gesture(follow: bool) -> float:
    """Of the variance of how far the right middle finger is curled."""
    rng = np.random.default_rng(0)
    poses = sample_poses(rng, 1500, MODEL.smpl, tries=0)
    R, _ = expressive_rotations(rng, poses.R_parent_joint, poses.gesture, poses.mirrored, MODEL, follow)
    curl = rotmat_to_rotvec(R[:, SMPLX.joint_names.index("right_middle1") - 1]).norm(dim=-1).numpy()
    groups = [
        curl[(poses.gesture == g) & (poses.mirrored == m)] for g in np.unique(poses.gesture) for m in (True, False)
    ]
    within = np.mean(np.concatenate([(group - group.mean()) ** 2 for group in groups]))
    return float(1 - within / curl.var())


def test_arms_tell_what_hands_do_only_where_hands_follow() -> None:
    assert share_told_by_gesture(True) > 0.5
    assert share_told_by_gesture(False) < 0.1


def test_a_hidden_hand_is_not_seen() -> None:
    samples, hidden = make_expressive_samples(Scene(SOURCE, hidden_hands=1.0), 4, 64, 3, MODEL, "h")
    middle = SMPLX.keypoint_names.index("left_middle_tip")
    assert hidden.all()
    assert float(samples.keypoints_2d[:, middle, 2].mean()) < 0.6


def test_bad_hands_leave_the_body_as_it_is() -> None:
    exact, _ = make_expressive_samples(Scene(upper_body=False), 40, 48, 7, MODEL, "p")
    labelled, truth = mixed_expressive_labels(exact, 0, MODEL.smpl, gross_share=0.0, bad_hands=0.5)
    off = (labelled.label.R_parent_joint - exact.label.R_parent_joint).norm(dim=(-1, -2))
    fingers = off[:, 24:39].mean(1)
    assert not truth.gross_body.any()
    assert bool((fingers[~torch.from_numpy(truth.bad_hand[:, 0])] < 1e-5).all())
    assert float(fingers[torch.from_numpy(truth.bad_hand[:, 0])].mean()) > 0.1
