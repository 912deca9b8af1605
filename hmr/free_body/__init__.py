"""The free body: SMPL's layout, no licence to sign, shipped with the package. See ATTRIBUTION.md beside this file."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from hmr.smpl_layout import LayoutBody

LEVELS = (6900, 1200)
"""Vertices: 6,900 for pictures and for showing, 1,200 for training, tests and quick metrics."""


@lru_cache(maxsize=len(LEVELS))
def free_body(level: int = 1200) -> LayoutBody:
    """The free body at one level of detail.

    Raises ValueError for a level that is not shipped.
    """
    if level not in LEVELS:
        raise ValueError(f"the free body comes with {LEVELS} vertices, not {level}")
    with np.load(Path(__file__).with_name(f"free_body_{level}.npz"), allow_pickle=False) as file:
        arrays = {key: file[key] for key in file.files}
    return LayoutBody.from_arrays(f"free-body-{level}", arrays, arrays["leaf_vertices"])
