"""Which generator lies in a folder, whatever its kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from diffusion_hmr.generator import Generator
from diffusion_hmr.released.generator import ReleasedGenerator
from hmr.detection.eyes import eyes_or_none
from hmr.networks.checkpoint import kind_of
from hmr.networks.lit_branch import LitBranch


def load_generator(
    folder: Path, offline: bool = False, tell: Callable[[str], None] = print
) -> Generator | ReleasedGenerator:
    """One that looks through a frozen network gets its eyes, whose weights are fetched at their first use.

    Where they cannot be had it goes by what it is told alone, and says so.

    Raises ValueError when the folder holds no generator's checkpoint.
    """
    if kind_of(folder) == ReleasedGenerator.kind:
        return ReleasedGenerator.from_pretrained(folder)
    generator = Generator.from_pretrained(folder)
    if isinstance(generator.branch, LitBranch):
        generator.branch.eyes = eyes_or_none(f"the generator {folder.name}", offline, tell)
    return generator
