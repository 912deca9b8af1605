"""What the rest of the house asks of a generator, and how one is loaded from a folder whatever its kind."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import torch

from diffusion_hmr.generator import Generator
from diffusion_hmr.released.generator import ReleasedGenerator
from hmr.body import BodyModel
from hmr.files import read_json, sha256_of
from hmr.hypotheses import Hypotheses
from hmr.samples import Samples


class AnyGenerator(Protocol):
    """Proposes bodies for pictures: ours, or a released one that was converted."""

    @property
    def crop_size(self) -> int:
        """Side in pixels of the square crops that it takes."""
        ...

    def propose(self, samples: Samples, model: BodyModel, count: int, seed: int, source: str) -> Hypotheses: ...

    def check_size(self, samples: Samples) -> None: ...

    def to(self, device: str | torch.device) -> AnyGenerator: ...


def name_of(folder: Path) -> str:
    """What candidates of a checkpoint are called in files, so that pairs of another one are told apart."""
    return f"generator-{sha256_of(folder / 'model.safetensors')[:12]}"


def load_generator(folder: Path) -> AnyGenerator:
    """Raises ValueError when the folder holds no generator's checkpoint."""
    kind = read_json(folder / "config.json").get("kind") if (folder / "config.json").exists() else "generator"
    if kind == ReleasedGenerator.kind:
        return ReleasedGenerator.from_pretrained(folder)
    return Generator.from_pretrained(folder)
