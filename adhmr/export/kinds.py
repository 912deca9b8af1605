"""What can be written of people, by name. Imports nothing heavy, so that --help is there at once."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

#: Name of an export to what it is.
EXPORTS = {
    "npz": "ranked parameters of all people of a photograph",
    "png": "the bodies drawn over the photograph",
    "obj": "a mesh, camera frame",
    "glb": "a mesh, upright",
    "ply": "a mesh, camera frame",
    "skinned_glb": "a mesh with skeleton and skin, upright",
    "bvh": "the pose of a skeleton, upright",
    "smpl": "global_orient, body_pose, betas, transl as smplx takes them; of SMPL's own models",
    "human_data": "one HumanData .npz of all photographs, for training",
}
DEFAULT_EXPORTS = ("npz", "png", "obj", "glb")
#: The same of videos.
VIDEO_EXPORTS = {
    "npz": "ranked parameters of all people of a frame",
    "mp4": "the bodies drawn over the video",
    "skinned_glb": "each person as a mesh with skeleton and skin, animated, upright",
    "bvh": "each person's motion of a skeleton, upright",
    "smpl": "each person's parameters as smplx takes them; of SMPL's own models",
}
DEFAULT_VIDEO_EXPORTS = ("npz", "mp4", "skinned_glb", "bvh")


def checked_exports(
    names: Sequence[str], of_own_model: bool = True, known: Mapping[str, str] = EXPORTS
) -> tuple[str, ...]:
    """Without repetition. of_own_model: is there a file of the user's own body model? known: of photographs, or of videos.

    Raises ValueError for no name, for one that is not known, with the nearest that is, or for one that needs such a file.
    """
    if not names:
        raise ValueError(f"--export: expected at least one of {', '.join(known)}")
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(known)}"
            raise ValueError(f"--export: unknown '{name}'; {hint}")
    if "smpl" in names and not of_own_model:
        raise ValueError("--export: smpl is of SMPL's own bodies; give --body_model, or export npz")
    return tuple(dict.fromkeys(names))
