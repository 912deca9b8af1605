"""The free bodies: SMPL's and SMPL-X's layout, no licence to sign, shipped with the package (ATTRIBUTION.md)."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from hmr.skinned_body import SkinnedBody

LEVELS = (6900, 1200)
"""Vertices: 6,900 for pictures and for showing, 1,200 for training, tests and quick metrics."""
LEVELS_WITH_HANDS = (6900, 2500)
"""Vertices of the body with hands and face: 6,900 for showing, 2,500 for training and metrics."""


def _arrays(name: str) -> dict[str, np.ndarray]:
    with np.load(Path(__file__).with_name(f"{name}.npz"), allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


@lru_cache(maxsize=len(LEVELS))
def free_body(level: int = 1200) -> SkinnedBody:
    """The free body at one level of detail.

    Raises ValueError for a level that is not shipped.
    """
    if level not in LEVELS:
        raise ValueError(f"the free body comes with {LEVELS} vertices, not {level}")
    arrays = _arrays(f"free_body_{level}")
    return SkinnedBody.from_smpl_arrays(f"free-body-{level}", arrays, arrays["leaf_vertices"])


@lru_cache(maxsize=len(LEVELS_WITH_HANDS))
def free_body_with_hands(level: int = 2500) -> SkinnedBody:
    """The free body with hands and face. Raises ValueError for a level that is not shipped."""
    if level not in LEVELS_WITH_HANDS:
        raise ValueError(f"the free body with hands comes with {LEVELS_WITH_HANDS} vertices, not {level}")
    arrays = _arrays(f"free_expressive_body_{level}")
    return SkinnedBody.from_smplx_arrays(f"free-body-with-hands-{level}", arrays, arrays["tip_vertices"])
