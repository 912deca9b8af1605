"""What a detector is told. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

BlazePoseSize = Literal["lite", "full", "heavy"]
Turned = Literal["doubtful", "always", "never"]

MOST_LOOKS = 8


@dataclass(frozen=True)
class DetectorConfig:
    """
    Args:
        sizes: longer sides in pixels at which people are looked for; 256 sees large people, 512 small ones
        turned: whether the photograph is looked at from the other three sides too, for people who are not upright: where nobody
            is surely found as it is (doubtful: as good for athletes as always, in less time, and with fewer people who are not
            there; docs/photographs.md), always or never
        landmarks: which of BlazePose's networks refines a person (lite and full are faster, heavy is surest)
        looks: at each person, from 1 to 8: mirrored, scaled and turned a little, and what most of them say is taken
            (benchmarks/detector_agreement; athletes' joints within 0.1: 74.3 % with 1, 75.8 with 2, 77.0 with 8, each costing
            as much as the first; with 1 keypoints have the network's own confidence, which says less)
        min_score: of a person to be told of
        max_people: the largest ones are kept; None for all of them
        masks: whether each person has a mask
    """

    sizes: tuple[int, ...] = (256, 512)
    turned: Turned = "doubtful"
    landmarks: BlazePoseSize = "heavy"
    looks: int = 2
    min_score: float = 0.15
    max_people: int | None = None
    masks: bool = True

    def __post_init__(self) -> None:
        if not self.sizes or not all(32 <= size <= 2048 for size in self.sizes):
            raise ValueError(f"sizes: expected some from 32 to 2048 pixels, got {self.sizes}")
        if not 1 <= self.looks <= MOST_LOOKS:
            raise ValueError(f"looks: expected 1 to {MOST_LOOKS}, got {self.looks}")
        if not 0 <= self.min_score <= 1:
            raise ValueError(f"min_score: expected a number from 0 to 1, got {self.min_score}")
        if self.max_people is not None and self.max_people < 1:
            raise ValueError(f"max_people: expected at least 1, or none for all, got {self.max_people}")
