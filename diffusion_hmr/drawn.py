"""What a generator draws: bodies, and what it diffuses, which preferences over them are kept as."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from hmr.body import BodyParams


@dataclass(frozen=True)
class Drawn:
    """bodies: [b, n] candidates of b pictures. states: (b, n, d) the same, packed as the generator diffuses them."""

    bodies: BodyParams
    states: Tensor

    def __getitem__(self, rows: Tensor) -> Drawn:
        return Drawn(self.bodies[rows], self.states[rows])
