"""The colours that people of a photograph are told apart by, in overlays and scenes."""

from __future__ import annotations

#: In [0, 1], as seen on a screen.
Rgb = tuple[float, float, float]

_PALETTE: tuple[Rgb, ...] = (
    (0.42, 0.62, 0.92),
    (0.95, 0.66, 0.25),
    (0.35, 0.78, 0.45),
    (0.85, 0.45, 0.75),
    (0.9, 0.36, 0.34),
    (0.4, 0.8, 0.8),
)


def colour_of(place: int) -> Rgb:
    """Of the person at a place in the photograph; they come again after the sixth."""
    return _PALETTE[place % len(_PALETTE)]
