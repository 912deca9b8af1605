"""Bodies that move, of any skeleton, for tests of what is written of them."""

from __future__ import annotations

import roma
import torch

from adhmr.export.motion import BodyMotion
from hmr.body import FACING_CAMERA, BodyParams
from hmr.skinned_body import SkinnedBody


def moving(model: SkinnedBody, count: int = 3, seed: int = 0, frames_per_s: float = 10) -> BodyMotion:
    """One person of a random build in ``count`` random poses, 3 m before the camera."""
    generator = torch.Generator().manual_seed(seed)

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    R = roma.rotvec_to_rotmat(0.4 * random(count, model.skeleton.num_joints, 3))
    e = model.num_expressions
    bodies = BodyParams(
        FACING_CAMERA @ R[:, 0], R[:, 1:], random(10).expand(count, 10), torch.tensor([0, 0, 3.0]) + 0.1 * random(count, 3),
        random(e).expand(count, e) if e else None,
    )  # fmt: skip
    return BodyMotion.at_rate(bodies, frames_per_s)
