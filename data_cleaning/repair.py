"""Repair a label before dropping it: gradient refinement to 2D keypoints, anchored on its start (SAM 3D Body, section 6.2).

Symbols of the paper: L_fit = sum_j lambda_j L_j with the 2D keypoint loss, the initialisation-anchored regularisation (on
parameters and on 3D keypoints) and the prior on pose and shape. Here every term is in units of an expected standard deviation, so
the lambdas are the scales of ``RepairConfig``; the paper's mixture prior is one Gaussian.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import roma
import torch
from torch import Tensor

from data_cleaning.config import RepairConfig
from hmr.body import BodyModel, BodyParams
from hmr.camera import project
from hmr.hypotheses import Hypotheses
from hmr.perturb import choose
from hmr.samples import Samples
from hmr.skeleton import NUM_TWISTS
from scorer.mirror import score_both_ways
from scorer.protocol import AnyScorer


@dataclass(frozen=True)
class PosePrior:
    """A Gaussian over the rotation vectors of the 23 joints: mean (69,), precision (69, 69)."""

    mean: Tensor
    precision: Tensor

    @classmethod
    def fit(cls, exact: BodyParams, shrink: float = 0.1) -> PosePrior:
        """From exact labels [n], their covariance shrunk to its diagonal. Raises ValueError for fewer than two."""
        vectors = roma.rotmat_to_rotvec(exact.R_parent_joint).flatten(-2).double()
        if len(vectors) < 2:
            raise ValueError(f"a prior on poses needs exact labels, got {len(vectors)}")
        covariance = torch.cov(vectors.T)
        diagonal = torch.diag(covariance.diagonal().clamp_min(1e-4))
        precision = torch.linalg.inv((1 - shrink) * covariance + shrink * diagonal)
        return cls(vectors.mean(0).float(), precision.float())

    def __call__(self, R_parent_joint: Tensor) -> Tensor:
        """Half the squared Mahalanobis distance, (...), of rotations (..., 23, 3, 3)."""
        off = roma.rotmat_to_rotvec(R_parent_joint).flatten(-2) - self.mean
        return 0.5 * ((off @ self.precision) * off).sum(-1)


def keypoint_loss(pixels: Tensor, keypoints_2d: Tensor, sigma_px: float) -> Tensor:
    """(b,): half the squared distance of projections (b, 29, 2) to keypoints (b, 29, 3) with a confidence, in units of sigma; far
    ones count linearly (Huber), so that a wrong keypoint does not pull a body over."""
    off = (pixels - keypoints_2d[..., :2]).norm(dim=-1) / sigma_px
    huber = torch.where(off < 3, 0.5 * off.square(), 3 * off - 4.5)
    return (huber * keypoints_2d[..., 2]).sum(-1)


@dataclass
class _Change:
    """What is fitted: turns of the root and of the first joints (rotation vectors), betas and place, from the start."""

    root: Tensor
    joints: Tensor
    betas: Tensor
    place: Tensor

    @classmethod
    def none_of(cls, start: BodyParams, joints: int) -> _Change:
        b = len(start.shape)
        shapes = ((b, 3), (b, joints, 3), tuple(start.shape.shape), (b, 3))
        return cls(*(torch.zeros(s, requires_grad=True) for s in shapes))

    def parts(self) -> list[Tensor]:
        return [self.root, self.joints, self.betas, self.place]

    def applied(self, start: BodyParams) -> BodyParams:
        turned = roma.rotvec_to_rotmat(self.joints)
        k = turned.shape[1]
        return BodyParams(
            start.R_cam_root @ roma.rotvec_to_rotmat(self.root),
            torch.cat([start.R_parent_joint[:, :k] @ turned, start.R_parent_joint[:, k:]], 1),
            start.shape + self.betas,
            start.t_cam_root + self.place,
        )


def anchor_loss(change: _Change, moved: Tensor, config: RepairConfig) -> Tensor:
    """(b,): how far parameters and pelvis-relative keypoints ``moved`` (b, 29, 3) are from the start, in the expected scales."""
    loss = torch.zeros(len(change.root))
    if config.anchor_rad is not None:
        turns = change.joints.square().sum((-1, -2)) + change.root.square().sum(-1)
        loss = loss + 0.5 * turns / config.anchor_rad**2
    if config.anchor_m is not None:
        loss = loss + 0.5 * moved.square().sum((-1, -2)) / config.anchor_m**2
    if config.anchor_betas is not None:
        loss = loss + 0.5 * change.betas.square().sum(-1) / config.anchor_betas**2
    return loss


def refine(
    samples: Samples, model: BodyModel, prior: PosePrior | None, config: RepairConfig, joints: int = NUM_TWISTS
) -> BodyParams:
    """The labels fitted to their 2D keypoints. joints: how many of the 23 may turn; the others stay (labels of SMPL-X have 21).

    A body that is not finite, before or after, is given back as it was.
    """
    start = samples.label
    finite = torch.stack([x.flatten(1).isfinite().all(1) for x in _fields(start)]).all(0)
    safe = start.map(lambda x: torch.nan_to_num(x))
    seen = torch.nan_to_num(samples.keypoints_2d)
    change = _Change.none_of(safe, joints)
    first = _relative(model.keypoints(safe)).detach()
    optimiser = torch.optim.Adam(change.parts(), lr=config.lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, config.steps)
    for _ in range(config.steps):
        body = change.applied(safe)
        points = model.keypoints(body)
        in_front = torch.cat([points[..., :2], points[..., 2:].clamp_min(0.1)], -1)
        loss = keypoint_loss(project(in_front, samples.K), seen, config.keypoint_sigma_share * samples.size)
        loss = loss + anchor_loss(change, _relative(points) - first, config) + 0.5 * body.shape.square().sum(-1)
        if prior is not None and config.prior > 0:
            loss = loss + config.prior * prior(body.R_parent_joint)
        optimiser.zero_grad()
        loss[finite].sum().backward()
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        fitted = change.applied(safe)
    good = finite & torch.stack([x.flatten(1).isfinite().all(1) for x in _fields(fitted)]).all(0)
    return choose(good.long(), [start, fitted])


def _fields(params: BodyParams) -> list[Tensor]:
    return [params.R_cam_root, params.R_parent_joint, params.shape, params.t_cam_root]


def _relative(points: Tensor) -> Tensor:
    return points - points[..., :1, :]


def repair(
    samples: Samples, scorer: AnyScorer, model: BodyModel, prior: PosePrior | None, config: RepairConfig,
    joints: int = NUM_TWISTS,
) -> tuple[Samples, Tensor]:  # fmt: skip
    """The labels refined to ``samples.keypoints_2d``, each kept only where the scorer prefers it to what it was; and where that
    is so, (n,). joints: as in ``refine``.

    Raises ValueError when there are no 2D keypoints at all.
    """
    if not bool((samples.keypoints_2d[..., 2] > 0).any()):
        raise ValueError("the labels have no 2D keypoints to be repaired by")
    fitted = refine(samples, model, prior, config, joints)
    both = BodyParams.stack([samples.label, fitted], dim=1)
    score = score_both_ways(scorer, samples, Hypotheses(samples.key, both, model.family, "repair", 0), model).value
    better = score[:, 1] > score[:, 0]
    return replace(samples, label=choose(better.long(), [samples.label, fitted])), better
