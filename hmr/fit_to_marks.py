"""Bodies moved a little so that their points come to lie where they are marked: Gauss-Newton on all bodies at once.

What is minimised, for each body: a robust re-projection error of the marks (Geman and McClure 1987) and a Gaussian about where
the body was: each joint turns by theta (the prior allows little), the shape and the place change. A mark that is far from
where the body can go counts for little, so a wrong one does not bend a limb.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from roma import rotvec_to_rotmat
from torch import Tensor

from hmr.body import BodyModel, BodyParams, chain_positions, global_rotations, smpl_of
from hmr.keypoint_sets import PROMPT_POINTS
from hmr.prompt_points import DEPENDS, points_of_chain
from hmr.skeleton import JOINT_NAMES, KEYPOINT_PARENTS, NUM_JOINTS

_SHAPE = 10
_STIFF = {
    "spine": 0.12,
    "collar": 0.12,
    "neck": 0.15,
    "head": 0.15,
    "wrist": 0.05,
    "hand": 0.02,
    "foot": 0.05,
    "ankle": 0.1,
}


def _allowed() -> Tensor:
    """(24,) standard deviations of how joints turn, radians."""
    found = [next((s for part, s in _STIFF.items() if part in name), 0.25) for name in JOINT_NAMES]
    return torch.tensor(found)


def _trust() -> Tensor:
    """(24,) of the marks: faces are coarse here, and people mark hips where the joints are not."""
    trust = torch.ones(len(PROMPT_POINTS))
    for point, place in PROMPT_POINTS.place.items():
        if "hip" in point:
            trust[place] = 0.4
        elif any(part in point for part in ("nose", "eye", "ear", "toe", "heel")):
            trust[place] = 0.6
    return trust


_ALLOWED, _TRUST = _allowed(), _trust()


@dataclass(frozen=True)
class MarksFit:
    """How far a fit may go.

    Attributes:
        steps: of Gauss-Newton.
        mark: standard deviation of a mark, in sides of the marks' box.
        robust: at how many of those a mark counts a quarter.
        turn: times the joints' own standard deviations.
        shape: standard deviation of a beta.
        log_depth: of the logarithm of the depth.
    """

    steps: int = 10
    mark: float = 0.01
    robust: float = 6.0
    turn: float = 2.0
    shape: float = 0.5
    log_depth: float = 0.15


def fit_to_marks(
    params: BodyParams, marks_px: Tensor, K: Tensor, model: BodyModel, config: MarksFit = MarksFit()
) -> BodyParams:
    """Bodies [b, n] of SMPL's skeleton, marks (b, 24, 3) x, y, confidence in pixels of cameras K (b, 3, 3).

    Bodies of which nothing is marked stay as they are.
    """
    b, n = params.batch_shape
    given = smpl_of(params).reshape_batch(b * n)
    marks, cameras = (x.repeat_interleave(n, 0) for x in (marks_px, K))
    problem = _Problem.of(marks, cameras, model, config)
    start = place_at_marks(given, marks, cameras, model)
    turned, shape, place = torch.zeros(b * n, NUM_JOINTS, 3).to(marks), start.shape, start.t_cam_root
    for step in range(config.steps):
        softer = max(1.0, 4.0 * (1 - 2 * step / config.steps))
        delta = problem.step(_Now(start, turned, shape, place), softer)
        joints, betas, moved = delta.split([NUM_JOINTS * 3, _SHAPE, 3], -1)
        turned = turned + joints.unflatten(-1, (NUM_JOINTS, 3))
        shape, place = shape + betas, place + moved
        place = torch.cat([place[:, :2], place[:, 2:].clamp_min(0.1)], -1)
    done = _Now(start, turned, shape, place).params()
    sound = torch.stack(
        [x.flatten(1).isfinite().all(1) for x in (done.R_parent_joint, done.shape, done.t_cam_root)]
    ).all(0)
    return _where(problem.any_marked & sound, done, given).reshape_batch(b, n)


def _where(which: Tensor, a: BodyParams, b: BodyParams) -> BodyParams:
    def chosen(x: Tensor, y: Tensor) -> Tensor:
        return torch.where(which.reshape(-1, *[1] * (x.ndim - 1)), x, y)

    return BodyParams(
        chosen(a.R_cam_root, b.R_cam_root), chosen(a.R_parent_joint, b.R_parent_joint), chosen(a.shape, b.shape),
        chosen(a.t_cam_root, b.t_cam_root),
    )  # fmt: skip


@dataclass(frozen=True)
class _Now:
    """Bodies on their way: where they began, how far each joint (m, 24, 3) has turned in its own frame, shape and place."""

    start: BodyParams
    turned: Tensor
    shape: Tensor
    place: Tensor

    def params(self) -> BodyParams:
        R = rotvec_to_rotmat(self.turned)
        return BodyParams(self.start.R_cam_root @ R[:, 0], self.start.R_parent_joint @ R[:, 1:], self.shape, self.place)


@dataclass(frozen=True)
class _Problem:
    """marks (m, 24, 3); K (m, 3, 3); weight (m, 24) root of confidence and trust; sigma_px (m, 1) of a mark."""

    marks: Tensor
    K: Tensor
    weight: Tensor
    sigma_px: Tensor
    model: BodyModel
    config: MarksFit

    @classmethod
    def of(cls, marks: Tensor, K: Tensor, model: BodyModel, config: MarksFit) -> _Problem:
        weight = (marks[..., 2] * _TRUST.to(marks)).sqrt()
        return cls(marks, K, weight, config.mark * box_side(marks)[:, None], model, config)

    @property
    def any_marked(self) -> Tensor:
        return (self.marks[..., 2] > 0).any(1)

    def step(self, now: _Now, softer: float) -> Tensor:
        """(m, 72 + 10 + 3) changes of turns, shape and place. softer: times the distance at which marks stop counting."""
        params = now.params()
        points, by_change = points_and_derivatives(params, self.model)
        residual, jacobian = _reprojection(points, by_change, self.K, self.marks)
        residual, jacobian = residual / self.sigma_px[..., None], jacobian / self.sigma_px[..., None, None]
        far = self.config.robust * softer
        robust = self.weight / (1 + residual.square().sum(-1) / far**2)
        residual, jacobian = residual * robust[..., None], jacobian * robust[..., None, None]
        J, r = jacobian.flatten(1, 2), residual.flatten(1)
        precision, off = self._prior(now)
        A = J.transpose(1, 2) @ J + torch.diag_embed(precision)
        rhs = -(J.transpose(1, 2) @ r[..., None])[..., 0] - precision * off
        return torch.linalg.solve(A, rhs)

    def _prior(self, now: _Now) -> tuple[Tensor, Tensor]:
        """Precisions of the changes, and how far each has gone, (m, 85)."""
        c, start = self.config, now.start.t_cam_root
        turn = (c.turn * _ALLOWED.to(start)).repeat_interleave(3).expand(len(start), -1)
        depth = c.log_depth * start[:, 2:].clamp_min(0.1)
        sigma = torch.cat([turn, torch.full_like(now.shape, c.shape), 3 * depth, 3 * depth, depth], -1)
        off = torch.cat([now.turned.flatten(1), now.shape - now.start.shape, now.place - start], -1)
        return sigma.square().reciprocal(), off


def box_side(marks: Tensor) -> Tensor:
    """(m,) longer side of the box of what is marked, pixels; at least one."""
    there = marks[..., 2:] > 0
    low = torch.where(there, marks[..., :2], torch.inf).amin(1)
    high = torch.where(there, marks[..., :2], -torch.inf).amax(1)
    return (high - low).amax(-1).nan_to_num(0.0, 0.0, 0.0).clamp_min(1.0)


def points_and_derivatives(params: BodyParams, model: BodyModel) -> tuple[Tensor, Tensor]:
    """Points (m, 24, 3) of bodies [m] in the camera frame, and how they move (m, 24, 3, 85) for a small turn of each of 24
    joints in its own frame (72), a beta (10), and a move (3)."""
    smpl = model.smpl
    rest = smpl.rest_keypoints(params.shape)
    R = global_rotations(params.R_cam_root, params.R_parent_joint)
    points = points_of_chain(R, rest, params.t_cam_root)
    joints = chain_positions(R, rest, KEYPOINT_PARENTS)[:, :NUM_JOINTS] + params.t_cam_root[:, None]
    arm = points[:, :, None] - joints[:, None]  # m 24 24 3
    axes = R.transpose(-1, -2)[:, None]  # of joints' frames, m 1 24 3 3
    moved = torch.linalg.cross(
        axes.expand(-1, points.shape[1], -1, -1, -1), arm[..., None, :].expand(-1, -1, -1, 3, -1)
    )
    by_turn = (moved * DEPENDS.to(points)[..., None, None]).flatten(2, 3).transpose(-1, -2)
    by_shape = _by_shape(R, params, smpl)
    by_move = torch.eye(3).to(points).expand(*points.shape, 3)
    return points, torch.cat([by_turn, by_shape, by_move], -1)


def _by_shape(R: Tensor, params: BodyParams, smpl: BodyModel, step: float = 0.1) -> Tensor:
    """(m, 24, 3, 10), by differences: points are linear in the betas but for the size of the head and the feet."""
    shapes = torch.cat([params.shape[:, None], params.shape[:, None] + step * torch.eye(_SHAPE).to(params.shape)], 1)
    turned = R[:, None].expand(-1, _SHAPE + 1, -1, -1, -1)
    points = points_of_chain(turned, smpl.rest_keypoints(shapes), torch.zeros_like(shapes[..., :3]))
    return ((points[:, 1:] - points[:, :1]) / step).permute(0, 2, 3, 1)


def _reprojection(points: Tensor, by_change: Tensor, K: Tensor, marks: Tensor) -> tuple[Tensor, Tensor]:
    """Pixels off (m, 24, 2), and their derivatives (m, 24, 2, p)."""
    z = points[..., 2:].clamp_min(0.05)
    seen = (points / z) @ K.transpose(-1, -2)
    focal = torch.stack([K[:, 0, 0], K[:, 1, 1]], -1)[:, None, :, None]
    slope = by_change[..., :2, :] - (points[..., :2] / z)[..., None] * by_change[..., 2:, :]
    return seen[..., :2] - marks[..., :2], focal * slope / z[..., None]


def place_at_marks(params: BodyParams, marks_px: Tensor, K: Tensor, model: BodyModel, rounds: int = 5) -> BodyParams:
    """Bodies [m] moved, not turned: the place by weighted least squares; marks that stay far off count less."""
    smpl = model.smpl
    R = global_rotations(params.R_cam_root, params.R_parent_joint)
    rest = smpl.rest_keypoints(params.shape)
    points = points_of_chain(R, rest, torch.zeros_like(params.t_cam_root))
    homogeneous = torch.cat([marks_px[..., :2], torch.ones_like(marks_px[..., :1])], -1)
    rays = homogeneous @ torch.linalg.inv(K).transpose(-1, -2)
    trust = marks_px[..., 2] * _TRUST.to(marks_px)
    far = 0.06 * box_side(marks_px)[:, None] / K[:, 0, 0][:, None]
    place = params.t_cam_root
    for step in range(rounds):
        now = points + place[:, None]
        z = now[..., 2:].clamp_min(0.05)
        off = now[..., :2] / z - rays[..., :2]
        softer = max(1.0, 6.0 - 2.0 * step)
        weight = trust / (1 + (off.norm(dim=-1) / (softer * far)).square()).square()
        place = _solved_place(points, rays, weight / z[..., 0].square() / far.square(), params.t_cam_root)
    return BodyParams(params.R_cam_root, params.R_parent_joint, params.shape, place)


def _solved_place(points: Tensor, rays: Tensor, weight: Tensor, start: Tensor) -> Tensor:
    """x + t_x = ray_x (z + t_z), and the same for y, in t; and a wide Gaussian about the start, so that one mark suffices."""
    eye = torch.eye(2).to(points).expand(*points.shape[:-1], 2, 2)
    A = torch.cat([eye, -rays[..., :2, None]], -1)
    rhs = rays[..., :2] * points[..., 2:] - points[..., :2]
    AtW = (A * weight[..., None, None]).flatten(1, 2).transpose(1, 2)
    sigma = torch.tensor([1.0, 1.0, 0.5]).to(points) * start[:, 2:].clamp_min(0.1)
    precision = sigma.square().reciprocal()
    normal = AtW @ A.flatten(1, 2) + torch.diag_embed(precision)
    right = (AtW @ rhs.flatten(1, 2)[..., None])[..., 0] + precision * start
    place = torch.linalg.solve(normal, right)
    return torch.cat([place[:, :2], place[:, 2:].clamp_min(0.1)], -1)
