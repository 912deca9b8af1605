"""Our own sets: a folder with pictures.npy and labels.npz."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from hmr.body_codec import read_arrays
from hmr.samples import Samples, load_samples, save_samples


@dataclass
class OurFolder:
    path: Path
    format_name: str = "pictures.npy and labels.npz"

    @cached_property
    def rows(self) -> tuple[str, ...]:
        return tuple(str(key) for key in read_arrays(self.path / "labels.npz")["key"])

    @cached_property
    def samples(self) -> Samples:
        return load_samples(self.path)

    def write(self, keep: np.ndarray, out: Path) -> None:
        save_samples(out, self.samples[np.flatnonzero(keep)])
