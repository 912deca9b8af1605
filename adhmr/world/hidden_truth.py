"""The truth behind a set of pseudo-labels, kept in a file that no cleaning command reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from adhmr.world.pseudo_labels import HiddenTruth
from hmr.body_codec import arrays_of_bodies, bodies_of_arrays, read_arrays, write_arrays


def save_hidden_truth(path: Path, truth: HiddenTruth) -> None:
    kinds = {"error_kind": np.array(truth.error_kind, dtype=np.str_)}
    write_arrays(path, {**arrays_of_bodies(truth.label), **kinds})


def load_hidden_truth(path: Path) -> HiddenTruth:
    arrays = read_arrays(path)
    return HiddenTruth(bodies_of_arrays(arrays, str(path)), tuple(str(k) for k in arrays["error_kind"]))
