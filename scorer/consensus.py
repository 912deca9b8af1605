"""One body out of many: the mean of a picture's candidates, weighted by their scores."""

from __future__ import annotations

from torch import Tensor

from hmr.body import BodyParams
from hmr.rotations import mean_rotation

#: Sharpness of the weights in standard deviations of a picture's scores: chosen on validation pictures (docs/alignment.md).
SHARPNESS = 3.0


def score_weights(score: Tensor, sharpness: float = SHARPNESS) -> Tensor:
    """(b, n) to (b, n), rows sum to one: softmax of the scores in units of their standard deviation within the picture, so that
    any scorer's scale gives the same weights. sharpness 0: all alike; large: the best alone."""
    centred = score - score.mean(1, keepdim=True)
    deviation = centred.square().mean(1, keepdim=True).sqrt().clamp_min(1e-9)
    return (sharpness * centred / deviation).softmax(1)


def weighted_mean_body(params: BodyParams, weight: Tensor) -> BodyParams:
    """Bodies [b, n] and weights (b, n) whose rows sum to one, to bodies [b]: every joint's rotation is averaged on SO(3), shape
    and place are averaged."""
    return BodyParams(
        R_cam_root=mean_rotation(params.R_cam_root, weight),
        R_parent_joint=mean_rotation(params.R_parent_joint.transpose(1, 2), weight[:, None]),
        shape=(weight[..., None] * params.shape).sum(1),
        t_cam_root=(weight[..., None] * params.t_cam_root).sum(1),
        expression=None if params.expression is None else (weight[..., None] * params.expression).sum(1),
    )
