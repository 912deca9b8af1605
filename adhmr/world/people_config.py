"""How people of the synthetic world stand before cameras. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PeopleConfig:
    """Shares are of people; angles in radians.

    Attributes:
        captured: whose pose is motion capture's, where there is some; the others' are gestures, everyday ones and athletes'.
        everyday: of the gestures, that stay near the table.
        other_legs: whose legs are of another pose than the trunk.
        any_rotation: who is turned any way; the others stand on a floor before a camera that is held upright.
        pitch: by which the camera looks down, lowest and highest.
        tilted: who leans by ``tilt`` rather than by a little.
        focal: lengths in sides of the photograph.
        height: of a standing person in sides of the photograph.
        truncated: of whom a part is outside the photograph.
        box_jitter: standard deviation of the crop's place and logarithm of its size, in sides of the box.
    """

    captured: float = 0.5
    everyday: float = 0.25
    other_legs: float = 0.3
    any_rotation: float = 0.15
    pitch: tuple[float, float] = (-0.2, 0.6)
    tilted: float = 0.12
    tilt: float = 0.45
    focal: tuple[float, float] = (0.6, 2.5)
    height: tuple[float, float] = (0.15, 1.0)
    truncated: float = 0.3
    box_jitter: float = 0.08
