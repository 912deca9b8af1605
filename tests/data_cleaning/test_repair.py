"""Refinement moves a label towards its keypoints and, anchored, towards the truth."""

from dataclasses import replace

import pytest
import roma
import torch

from data_cleaning.config import RepairConfig
from data_cleaning.repair import PosePrior, keypoint_loss, refine, repair
from hmr.camera import project
from hmr.free_body import free_body
from hmr.perturb import gaussian

MODEL = free_body(1200)
QUICK = RepairConfig(steps=60, lr=0.03)


def relative(params):
    points = MODEL.keypoints(params)
    return points - points[:, :1]


def error(params, truth):
    return float((relative(params) - relative(truth)).norm(dim=-1).mean())


def noisy(samples):
    return gaussian(samples.label, torch.full((len(samples),), 0.2), torch.Generator().manual_seed(0))


def test_a_label_comes_nearer_to_its_keypoints_and_to_the_truth(small_world):
    samples = small_world["source"]
    start, prior = noisy(samples), PosePrior.fit(small_world["target"].label, shrink=0.9)
    fitted = refine(replace(samples, label=start), MODEL, prior, QUICK)

    def off(params):
        return float(keypoint_loss(project(MODEL.keypoints(params), samples.K), samples.keypoints_2d, 1.0).mean())

    assert off(fitted) < 0.3 * off(start)
    assert error(fitted, samples.label) < 0.85 * error(start, samples.label)
    torch.testing.assert_close(
        fitted.R_parent_joint @ fitted.R_parent_joint.mT, torch.eye(3).expand(16, 23, 3, 3), atol=1e-4, rtol=0
    )


def test_without_keypoints_and_prior_a_label_stays_where_it_is(small_world):
    samples = small_world["source"]
    start = replace(samples.label, shape=torch.zeros_like(samples.label.shape))
    fitted = refine(
        replace(samples, label=start, keypoints_2d=torch.zeros_like(samples.keypoints_2d)),
        MODEL,
        None,
        RepairConfig(steps=5),
    )
    torch.testing.assert_close(MODEL.keypoints(fitted), MODEL.keypoints(start), atol=1e-4, rtol=0)


def test_a_label_that_is_not_finite_comes_back_and_harms_no_other(small_world):
    samples = small_world["source"][:4]
    start = noisy(samples)
    broken = replace(start, t_cam_root=start.t_cam_root.clone())
    broken.t_cam_root[2] = torch.nan
    alone = refine(replace(samples, label=start), MODEL, None, QUICK)
    fitted = refine(replace(samples, label=broken), MODEL, None, QUICK)
    assert bool(fitted.t_cam_root[2].isnan().all())
    torch.testing.assert_close(fitted.R_parent_joint[[0, 1, 3]], alone.R_parent_joint[[0, 1, 3]], atol=1e-5, rtol=0)


def test_the_prior_is_least_at_its_mean():
    generator = torch.Generator().manual_seed(0)
    vectors = 0.3 * torch.randn(200, 23, 3, generator=generator)
    label = replace(free_body_at_rest(200), R_parent_joint=roma.rotvec_to_rotmat(vectors))
    prior = PosePrior.fit(label)
    assert float(prior(roma.rotvec_to_rotmat(prior.mean.view(1, 23, 3)))) < 1e-4
    assert float(prior(label.R_parent_joint).mean()) == pytest.approx(69 / 2, rel=0.1)
    with pytest.raises(ValueError, match="exact labels"):
        PosePrior.fit(label[:1])


def free_body_at_rest(n):
    from hmr.body import BodyParams

    eye = torch.eye(3)
    return BodyParams(eye.expand(n, 3, 3), eye.expand(n, 23, 3, 3), torch.zeros(n, 10), torch.zeros(n, 3))


def test_the_scorer_decides_which_is_kept(small_world):
    from scorer import Scorer, ScorerConfig

    samples = replace(small_world["source"], label=noisy(small_world["source"]))
    kept, better = repair(samples, Scorer(ScorerConfig()), MODEL, None, replace(QUICK, steps=10))
    same = (kept.label.t_cam_root == samples.label.t_cam_root).all(-1)
    assert bool((same == ~better).all())
    unseen = replace(samples, keypoints_2d=torch.zeros_like(samples.keypoints_2d))
    with pytest.raises(ValueError, match="no 2D keypoints"):
        repair(unseen, Scorer(ScorerConfig()), MODEL, None, QUICK)
