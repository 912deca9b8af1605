"""Random numbers of a training step that do not depend on how its batch is dealt out."""

from __future__ import annotations

import torch
from torch import Tensor


class BatchRandom:
    """Random numbers of one step. A batch is dealt out to ``parts`` (processes, and steps of gradient accumulation); numbers are
    drawn for the whole of it, and each part gets its own, so they do not depend on how many parts there are."""

    def __init__(self, seed: int, device: torch.device, part: int = 0, parts: int = 1) -> None:
        self.generator = torch.Generator(device=device).manual_seed(seed)
        self.device, self.part, self.parts = device, part, parts

    def deal(self, whole: Tensor) -> Tensor:
        """This part of something whose first axis is the batch."""
        return whole[self.part :: self.parts]

    def normal(self, count: int, *shape: int) -> Tensor:
        """Standard normal (count, ...) for ``count`` items of this part."""
        return self.deal(torch.randn(count * self.parts, *shape, generator=self.generator, device=self.device))

    def uniform(self, count: int, *shape: int) -> Tensor:
        """Uniform in [0, 1), (count, ...)."""
        return self.deal(torch.rand(count * self.parts, *shape, generator=self.generator, device=self.device))

    def integers(self, high: int, count: int, *shape: int) -> Tensor:
        """Uniform in 0 .. high - 1, (count, ...)."""
        shape = (count * self.parts, *shape)
        return self.deal(torch.randint(0, high, shape, generator=self.generator, device=self.device))
