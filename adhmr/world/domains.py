"""The domains of the synthetic world: what changes from the studio to the wild."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Domain:
    """Ranges that pictures are drawn from. Angles in radians."""

    yaw: float
    """Bodies face the camera within +- this."""
    pitch: tuple[float, float]
    """The camera looks down by an angle in this range."""
    clutter: float
    """0: smooth studio backdrop; 1: textures and objects everywhere."""
    occluders: tuple[int, int]
    """Fewest and most objects before the body."""
    occluder_size: tuple[float, float]
    """Their size as a fraction of the crop."""
    light: tuple[float, float] = (0.45, 0.75)
    """Ambient share of the light."""
    noise: float = 0.02
    """Sensor noise, standard deviation in [0, 1]."""


SOURCE = Domain(yaw=1.0, pitch=(-0.08, 0.08), clutter=0.0, occluders=(0, 1), occluder_size=(0.08, 0.2))
TARGET = Domain(
    yaw=1.0, pitch=(0.25, 0.35), clutter=1.0, occluders=(0, 2), occluder_size=(0.1, 0.25), light=(0.3, 0.7), noise=0.04
)
TARGET_AMBIGUOUS = Domain(
    yaw=3.1416,
    pitch=(-0.1, 0.3),
    clutter=1.0,
    occluders=(2, 4),
    occluder_size=(0.2, 0.45),
    light=(0.3, 0.7),
    noise=0.04,
)
RENDERED = Domain(
    yaw=1.2, pitch=(-0.1, 0.5), clutter=0.9, occluders=(0, 2), occluder_size=(0.1, 0.3), light=(0.3, 0.75), noise=0.03
)

#: source: exact labels, studio-like. target: its error is a visible bias (clutter, pitched camera). target_ambiguous:
#: mostly ambiguity (any yaw, heavy occlusion). rendered: varied pictures with exact labels, as BEDLAM or GTA-Human are,
#: which only the scorer is trained on.
DOMAINS: dict[str, Domain] = {
    "source": SOURCE,
    "target": TARGET,
    "target_ambiguous": TARGET_AMBIGUOUS,
    "rendered": RENDERED,
}
