"""The few rotation helpers that roma does not have under the type that we need."""

from __future__ import annotations

import roma
from torch import Tensor


def nearest_rotation(matrix: Tensor) -> Tensor:
    """The rotation (..., 3, 3) that maximises trace(R^T M): orthogonal Procrustes without reflection."""
    return roma.special_procrustes(matrix)  # pyright: ignore[reportReturnType]
