"""A person's motion smoothed over time, for those who ask for it: a Gaussian window, on SO(3) for rotations."""

from __future__ import annotations

import torch
from torch import Tensor

from adhmr.export.motion import BodyMotion
from hmr.body import BodyParams
from scorer.consensus import weighted_mean_body

#: Beyond so many standard deviations a body has no say.
_REACH = 3.0
_BODIES_AT_ONCE = 1 << 14


def smoothed(motion: BodyMotion, deviation_s: float) -> BodyMotion:
    """Each body as the mean of those around it in time, weighted by a Gaussian of this standard deviation in seconds: chordal
    means of rotations (Hartley et al. 2013, section 5.3), plain means of place and shape. What is quicker is flattened.

    Raises ValueError for a deviation that is not positive.
    """
    if not 0 < deviation_s < float("inf"):
        raise ValueError(f"expected a window above 0 seconds, got {deviation_s}")
    time_s = motion.time_s.double()
    first = torch.searchsorted(time_s, time_s - _REACH * deviation_s)
    last = torch.searchsorted(time_s, time_s + _REACH * deviation_s, right=True) - 1
    widest = int((last - first).max()) + 1
    rows = max(_BODIES_AT_ONCE // widest, 1)
    parts = []
    for start in range(0, len(motion), rows):
        take = slice(start, start + rows)
        near = first[take, None] + torch.arange(widest)
        weight = _weights(time_s, near.clamp_max(len(motion) - 1), take, deviation_s)
        weight = torch.where(near <= last[take, None], weight, 0.0)
        weight = (weight / weight.sum(1, keepdim=True)).to(motion.bodies.shape)
        parts.append(weighted_mean_body(motion.bodies[near.clamp_max(len(motion) - 1)], weight))
    return BodyMotion(BodyParams.cat(parts), motion.time_s)


def _weights(time_s: Tensor, near: Tensor, take: slice, deviation_s: float) -> Tensor:
    """(b, w) of the bodies ``near`` (b, w) those of ``take``, not normalised."""
    return torch.exp(-0.5 * ((time_s[near] - time_s[take, None]) / deviation_s).square())
