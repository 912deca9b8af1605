"""Which generator lies in a folder, whatever its kind."""

from __future__ import annotations

from pathlib import Path

from diffusion_hmr.generator import Generator
from diffusion_hmr.released.generator import ReleasedGenerator
from hmr.networks.checkpoint import kind_of


def load_generator(folder: Path) -> Generator | ReleasedGenerator:
    """Raises ValueError when the folder holds no generator's checkpoint."""
    if kind_of(folder) == ReleasedGenerator.kind:
        return ReleasedGenerator.from_pretrained(folder)
    return Generator.from_pretrained(folder)
