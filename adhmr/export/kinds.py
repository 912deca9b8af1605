"""What can be written of the people of photographs, by name. Imports nothing heavy, so that --help is there at once."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

#: Name of an export to what it is.
EXPORTS = {
    "npz": "ranked parameters of all people of a photograph",
    "png": "the bodies drawn over the photograph",
    "obj": "a mesh, camera frame",
    "glb": "a mesh, upright",
    "ply": "a mesh, camera frame",
    "skinned_glb": "a mesh with skeleton and skin, upright",
}
DEFAULT_EXPORTS = ("npz", "png", "obj", "glb")


def checked_exports(names: Sequence[str]) -> tuple[str, ...]:
    """Without repetition. Raises ValueError for no name, or one that is not known, with the nearest that is."""
    if not names:
        raise ValueError(f"--export: expected at least one of {', '.join(EXPORTS)}")
    for name in names:
        if name not in EXPORTS:
            near = difflib.get_close_matches(name, EXPORTS, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(EXPORTS)}"
            raise ValueError(f"--export: unknown '{name}'; {hint}")
    return tuple(dict.fromkeys(names))
