"""A folder of crops, whatever bodies its labels are."""

from __future__ import annotations

from pathlib import Path

from hmr.expressive.samples import LABELS_FILE, load_expressive_samples
from hmr.samples import Samples, load_samples


def load_pictures(folder: Path) -> Samples:
    """With SMPL's 24 joints; of labels with hands what those can say. Raises ValueError naming what is missing or broken."""
    if (folder / LABELS_FILE).exists():
        return load_expressive_samples(folder).bodies()
    return load_samples(folder)
