"""What a frozen network that knows photographs sees of people in their views: maps of features, laid on the views' squares.

Networks of the house look at this instead of pixels where what they learn from is rendered and what they are for is photographed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

#: Channels and cells of the maps; 33 landmarks and the person's mask in the last one.
COARSE, FINE, HEAT = (144, 8), (48, 16), (34, 32)
LANDMARKS = 33


@dataclass(frozen=True)
class Sight:
    """n views as BlazePose sees them.

    Attributes:
        coarse: (n, 144, 8, 8) features over the view's square, zero where it did not look.
        fine: (n, 48, 16, 16) the same of an earlier layer.
        heat: (n, 34, 32, 32) in [0, 1]: of its landmarks, and that the person is there.
        points: (n, 33, 3) its landmarks: u, v across the view from -1 to 1, confidence.
        world_m: (n, 33, 3) the same in metres from the middle of the hips, in the view's directions.
        there: (n,) bool: False where nothing looked; all else is zero then.
    """

    coarse: Tensor
    fine: Tensor
    heat: Tensor
    points: Tensor
    world_m: Tensor
    there: Tensor

    def __post_init__(self) -> None:
        n = len(self.there)
        expected = {
            "coarse": (n, COARSE[0], COARSE[1], COARSE[1]), "fine": (n, FINE[0], FINE[1], FINE[1]),
            "heat": (n, HEAT[0], HEAT[1], HEAT[1]), "points": (n, LANDMARKS, 3), "world_m": (n, LANDMARKS, 3),
        }  # fmt: skip
        for name, shape in expected.items():
            if tuple(getattr(self, name).shape) != shape:
                raise ValueError(f"Sight.{name}: expected {shape}, got {tuple(getattr(self, name).shape)}")

    def __len__(self) -> int:
        return len(self.there)

    def __getitem__(self, rows: Tensor | slice) -> Sight:
        return self.map(lambda x: x[rows])

    def map(self, function: Callable[[Tensor], Tensor]) -> Sight:
        return Sight(*(function(getattr(self, f.name)) for f in fields(self)))

    def small(self) -> Sight:
        """As it is kept: half floats, heat in bytes."""
        half = self.map(lambda x: x.half() if x.is_floating_point() else x)
        return replace(half, heat=(255 * self.heat).round().to(torch.uint8))

    def large(self, lit: Tensor | None = None) -> Sight:
        """Inverse of ``small``. lit: (b,) bool; nothing is seen of the others."""
        sight = self.map(lambda x: x.float() if x.dtype != torch.bool else x)
        sight = replace(sight, heat=sight.heat / 255)
        if lit is None:
            return sight
        return sight.map(lambda x: x & lit if x.dtype == torch.bool else x * lit.view(-1, *[1] * (x.ndim - 1)))

    @classmethod
    def nothing(cls, count: int) -> Sight:
        """Of so many views at which nothing looked."""
        coarse, fine, heat = (torch.zeros(count, c, cells, cells) for c, cells in (COARSE, FINE, HEAT))
        points = torch.zeros(count, LANDMARKS, 3)
        return cls(coarse, fine, heat, points, points.clone(), torch.zeros(count, dtype=torch.bool))

    @staticmethod
    def cat(parts: list[Sight]) -> Sight:
        return Sight(*(torch.cat([getattr(p, f.name) for p in parts]) for f in fields(Sight)))
