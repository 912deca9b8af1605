"""The few rotation helpers that roma does not have under the type that we need."""

from __future__ import annotations

import roma
from torch import Tensor


def nearest_rotation(matrix: Tensor) -> Tensor:
    """The rotation (..., 3, 3) that maximises trace(R^T M): orthogonal Procrustes without reflection."""
    return roma.special_procrustes(matrix)  # pyright: ignore[reportReturnType]


def mean_rotation(rotations: Tensor, weight: Tensor) -> Tensor:
    """Weighted chordal L2 mean on SO(3), over the axis before the matrices: rotations (..., n, 3, 3) and weight (..., n) to
    (..., 3, 3) (Hartley et al. 2013, Rotation averaging, section 5.3)."""
    return nearest_rotation((weight[..., None, None] * rotations).sum(-3))
