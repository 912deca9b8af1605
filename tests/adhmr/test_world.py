import numpy as np
import torch

from adhmr.world.domains import DOMAINS
from adhmr.world.make import make_samples
from adhmr.world.poses import GESTURES, collides, sample_poses
from adhmr.world.pseudo_labels import Bias, biased_labels, mixed_labels
from hmr.free_body import free_body
from hmr.metrics import errors_of_hypotheses_mm
from hmr.rendering.rasterise import rasterise
from hmr.views import Views


def test_same_seed_same_bytes():
    body = free_body(1200)
    a = make_samples(DOMAINS["target"], 8, 64, 5, body, "x")
    b = make_samples(DOMAINS["target"], 8, 64, 5, body, "x")
    assert torch.equal(a.rgb, b.rgb)
    assert torch.equal(a.label.R_parent_joint, b.label.R_parent_joint)
    assert not torch.equal(a.rgb, make_samples(DOMAINS["target"], 8, 64, 6, body, "x").rgb)


def test_labels_fit_the_pictures(small_world):
    """The silhouette of the exact label is where the studio picture differs from its smooth backdrop."""
    samples, body = small_world["source"], free_body(1200)
    inside, outside = [], []
    for i in range(8):
        vertices = body.posed(samples.label[i]).vertices.numpy()
        _, index, _ = rasterise(vertices, body.faces.numpy().astype(np.int32), samples.K[i].numpy(), 64, 64)
        picture = samples.rgb[i].permute(1, 2, 0).numpy().astype(float)
        corner = picture[[0, 0, -1, -1], [0, -1, 0, -1]].mean(0)
        difference = np.abs(picture - corner).sum(-1)
        inside.append(difference[index >= 0].mean())
        outside.append(difference[index < 0].mean())
    assert np.mean(inside) > 2 * np.mean(outside)


def test_the_near_side_of_a_body_is_drawn():
    body = free_body(1200)
    facing = make_samples(DOMAINS["source"], 4, 64, 0, body, "x")
    for i in range(4):
        vertices = body.posed(facing.label[i]).vertices.numpy()
        faces = body.faces.numpy().astype(np.int32)
        K = facing.K[i].numpy()
        near, _, _ = rasterise(vertices, faces, K, 64, 64)
        far, _, _ = rasterise(vertices, faces[:, ::-1].copy(), K, 64, 64)
        both = np.isfinite(near) & np.isfinite(far)
        assert (near[both] <= far[both] + 1e-3).mean() > 0.97
    assert (
        float(
            (
                body.v_template[body.faces[:, 0]]
                * torch.linalg.cross(body.v_template[body.faces[:, 1]], body.v_template[body.faces[:, 2]])
            ).sum()
        )
        > 0
    )  # outward


def test_keypoints_project_into_the_crop(small_world):
    xy = small_world["source"].keypoints_2d[..., :2]
    assert ((xy > -8) & (xy < 72)).float().mean() > 0.99


def test_poses_rarely_collide_and_cover_all_gestures():
    drawn = sample_poses(np.random.default_rng(0), 500, free_body(1200))
    poses, gestures = drawn.R_parent_joint, drawn.gesture
    assert collides(poses, free_body(1200).rest_keypoints(torch.zeros(10))).float().mean() < 0.02
    assert set(gestures.tolist()) == set(range(len(GESTURES)))


def test_pseudo_labels_are_biased_and_their_truth_is_known(small_world):
    samples, body = small_world["target"], free_body(1200)
    wrong = biased_labels(samples, 0, Bias())
    errors = errors_of_hypotheses_mm(wrong.label.reshape_batch(16, 1), samples.label, body)["pve"]
    assert 50 < errors.mean() < 400
    assert set(wrong.label_kind) == {"pseudo"}
    labelled, truth = mixed_labels(samples, 0, body, gross_share=0.5)
    small = ~torch.from_numpy(truth.gross)
    errors = errors_of_hypotheses_mm(labelled.label.reshape_batch(16, 1), samples.label, body)["pve"][:, 0]
    assert errors[small].max() < 120


def test_unlabelled_pictures_carry_no_label(small_world):
    hidden = small_world["target"].unlabelled()
    assert type(hidden) is Views
    assert not hasattr(hidden, "label")
