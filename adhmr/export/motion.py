"""One person over time, as exporters take it; and the two frames that files are written in."""

from __future__ import annotations

from dataclasses import dataclass, replace

import roma
import torch
from torch import Tensor

from hmr.body import FACING_CAMERA, BodyParams

#: Of a step between two bodies: times that differ by less are the same.
_SAME_STEP = 1e-3
#: Betas, or expressions, that differ by less are the same.
_SAME_BUILD = 1e-5


@dataclass(frozen=True)
class BodyMotion:
    """t bodies of one person, camera frame.

    Attributes:
        bodies: [t] at least one.
        time_s: (t,) seconds, increasing.
    """

    bodies: BodyParams
    time_s: Tensor

    def __post_init__(self) -> None:
        batch, times = tuple(self.bodies.batch_shape), tuple(self.time_s.shape)
        if len(batch) != 1 or batch[0] < 1 or times != batch:
            raise ValueError(f"BodyMotion: expected t bodies and t times, got bodies {batch} and times {times}")
        if not bool((self.time_s.diff() > 0).all()):
            raise ValueError("BodyMotion.time_s: expected seconds that increase; sort the bodies by time")

    def __len__(self) -> int:
        return len(self.time_s)

    @classmethod
    def still(cls, params: BodyParams) -> BodyMotion:
        """One body (no batch axes) at time zero."""
        return cls(params.map(lambda x: x[None]), torch.zeros(1))

    @classmethod
    def at_rate(cls, bodies: BodyParams, frames_per_s: float) -> BodyMotion:
        """Bodies [t] of a film, the first at time zero. Raises ValueError for a rate that is not positive."""
        if not frames_per_s > 0:
            raise ValueError(f"expected a positive number of frames per second, got {frames_per_s}")
        return cls(bodies, torch.arange(bodies.batch_shape[0]) / frames_per_s)

    def one_build(self) -> BodyMotion:
        """The same motion with the mean betas: a skinned mesh has one rest shape. The face still moves."""
        mean = self.bodies.shape.mean(0, keepdim=True).expand_as(self.bodies.shape)
        return BodyMotion(replace(self.bodies, shape=mean), self.time_s)

    def evenly(self, step_s: float) -> BodyMotion:
        """Bodies at even times, the first one's and every ``step_s`` seconds after it, as ``at`` has them.

        Raises ValueError for a step that is not positive.
        """
        if not step_s > 0:
            raise ValueError(f"expected a positive time between two bodies, got {step_s} s")
        time_s = self.time_s.double()
        count = int(((time_s[-1] - time_s[0]) / step_s + _SAME_STEP).floor()) + 1
        return self.at(time_s[0] + step_s * torch.arange(count, dtype=torch.float64))

    def at(self, time_s: Tensor) -> BodyMotion:
        """Bodies at other times (s,), increasing: rotations turn the shortest way from one body to the next, the rest is linear;
        before the first body and after the last one nothing moves."""
        known, asked = self.time_s.double(), time_s.double()
        after = torch.searchsorted(known, asked).clamp(min(1, len(self) - 1), len(self) - 1)
        before = (after - 1).clamp_min(0)
        share = ((asked - known[before]) / (known[after] - known[before]).clamp_min(1e-9)).clamp(0, 1)
        return BodyMotion(_between(self.bodies[before], self.bodies[after], share.to(self.bodies.shape)), time_s)

    def rest(self) -> tuple[Tensor, Tensor | None]:
        """Betas (10,) and the mean expression (e,), or None: of the rest pose that a skeleton is written with."""
        expression = self.bodies.expression
        return self.bodies.shape[0], None if expression is None else expression.mean(0)

    def keeps(self, name: str) -> bool:
        """Is a field of the bodies (shape, expression) the same at all times?"""
        value = getattr(self.bodies, name)
        return value is None or float((value - value[:1]).abs().max()) <= _SAME_BUILD

    def check_one_build(self) -> None:
        """Raises ValueError where betas change with time."""
        if not self.keeps("shape"):
            raise ValueError("a skeleton has one build for all times, this one's betas change; give motion.one_build()")

    def frame_time_s(self) -> float:
        """Seconds between two bodies; a thirtieth where there is one body only.

        Raises ValueError unless the bodies are evenly spaced.
        """
        if len(self) == 1:
            return 1 / 30
        steps = self.time_s.double().diff()
        if float((steps - steps.mean()).abs().max()) > 1e-3 * float(steps.mean()):
            raise ValueError(
                f"expected bodies at even times, got steps from {float(steps.min()):.4f} to {float(steps.max()):.4f} s"
            )
        return float(steps.mean())


def _between(one: BodyParams, other: BodyParams, share: Tensor) -> BodyParams:
    """Bodies [s] on the way from one to the other, at shares (s,) of it."""

    def turned(a: Tensor, b: Tensor) -> Tensor:
        steps = share.reshape(-1, *[1] * (a.dim() - 2))
        return a @ roma.rotvec_to_rotmat(steps * roma.rotmat_to_rotvec(a.mT @ b))

    def moved(a: Tensor, b: Tensor) -> Tensor:
        return a + share[:, None] * (b - a)

    expressions = (one.expression, other.expression)
    return BodyParams(
        turned(one.R_cam_root, other.R_cam_root),
        turned(one.R_parent_joint, other.R_parent_joint),
        moved(one.shape, other.shape),
        moved(one.t_cam_root, other.t_cam_root),
        None if expressions[0] is None or expressions[1] is None else moved(expressions[0], expressions[1]),
    )


def upright(points_cam: Tensor) -> Tensor:
    """(..., 3) camera frame (y down, z forward) to the frame of files (y up, z to the viewer), the camera at the origin."""
    return points_cam * FACING_CAMERA.diagonal().to(points_cam)


def upright_rotation(R_cam_root: Tensor) -> Tensor:
    """(..., 3, 3) body frame to camera frame, to body frame to the frame of files."""
    return FACING_CAMERA.to(R_cam_root) @ R_cam_root
