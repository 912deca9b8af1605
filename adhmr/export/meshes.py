"""One posed body as a mesh without a skeleton, metres."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import trimesh
from torch import Tensor

from adhmr.export.motion import upright
from hmr.files import write_atomically

#: Formats whose vertices stay in the camera frame (y down, z forward), so that they fall on the photograph under its K.
#: glTF prescribes y up, so a .glb is turned upright.
IN_CAMERA_FRAME = (".obj", ".ply")
MESH_SUFFIXES = (*IN_CAMERA_FRAME, ".glb")


def write_mesh(path: Path, vertices_cam: Tensor, faces: Tensor) -> None:
    """One body, (v, 3) camera frame and (f, 3); the suffix says the format. Raises ValueError for one that is not written."""
    suffix = path.suffix
    if suffix not in MESH_SUFFIXES:
        raise ValueError(f"{path}: expected a mesh file of {', '.join(MESH_SUFFIXES)}")
    placed = vertices_cam if suffix in IN_CAMERA_FRAME else upright(vertices_cam)
    with write_atomically(path) as partial:
        if suffix == ".obj":  # trimesh takes six times as long
            partial.write_text(_obj(placed, faces))
        else:
            trimesh.Trimesh(placed.numpy(), faces.numpy(), process=False).export(partial, file_type=suffix[1:])


def _obj(vertices: Tensor, faces: Tensor) -> str:
    places = tuple(vertices.reshape(-1).tolist())
    return (
        "# adhmr: camera frame, y down, z forward, metres\n"
        + "v %.8f %.8f %.8f\n" * len(vertices) % places
        + _obj_faces(faces)
    )


@lru_cache(maxsize=4)
def _obj_faces(faces: Tensor) -> str:
    """The same for all bodies of a model, whose faces are one tensor."""
    return "f %d %d %d\n" * len(faces) % tuple((faces + 1).reshape(-1).tolist())
