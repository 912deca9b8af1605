"""A person's rest mesh bound to joints, with as few weights a vertex as other programs take."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hmr.body import BodyModel
from hmr.skinned_body import SkinnedBody

#: glTF holds weights in sets of four a vertex.
WEIGHTS_IN_SET = 4
#: Programs that read a second set at all read no third one.
_MOST_SETS = 2


@dataclass(frozen=True)
class Skin:
    """Body frame (y up), metres, float32.

    Attributes:
        vertices: (v, 3) of the rest pose, with the person's betas and expression.
        joints: (j, 3) likewise.
        faces: (f, 3).
        joint_of_weight: (v, 4 s) the joints of a vertex, the strongest first.
        weight: (v, 4 s) rows sum to one.
    """

    vertices: np.ndarray
    joints: np.ndarray
    faces: np.ndarray
    joint_of_weight: np.ndarray
    weight: np.ndarray


def skinned(model: BodyModel) -> SkinnedBody:
    """The model as one whose weights can be read. Raises ValueError for another kind."""
    if not isinstance(model, SkinnedBody):
        raise ValueError(f"a skeleton with skin is written of bodies with skinning weights, '{model.name}' shows none")
    return model


def strongest_weights(weights: Tensor, most_sets: int = _MOST_SETS) -> tuple[Tensor, Tensor]:
    """(v, j) to joints and weights (v, 4 s): the strongest first, renormalised; s is the smallest that loses nothing, or
    ``most_sets``."""
    used = int((weights > 0).sum(-1).max())
    sets = min(most_sets, -(-used // WEIGHTS_IN_SET))
    kept = weights.topk(min(WEIGHTS_IN_SET * sets, weights.shape[-1]), dim=-1)
    return kept.indices, kept.values / kept.values.sum(-1, keepdim=True)


def skin_of(model: BodyModel, shape: Tensor, expression: Tensor | None) -> Skin:
    """One person's, from betas (10,) and an expression (e,) or None. Raises ValueError for a model without weights."""
    body = skinned(model)
    index, weight = strongest_weights(body.weights)
    return Skin(
        body.rest_vertices(shape, expression).numpy().astype(np.float32),
        body.rest_joints(shape, expression).numpy().astype(np.float32),
        body.faces.numpy(),
        torch.where(weight > 0, index, 0).numpy(),  # glTF: a weight of zero belongs to joint zero
        weight.numpy().astype(np.float32),
    )
