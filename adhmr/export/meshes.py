"""One posed body as a mesh without a skeleton, metres."""

from __future__ import annotations

from pathlib import Path

import trimesh

from adhmr.export.motion import upright
from hmr.body import BodyModel, BodyParams
from hmr.files import write_atomically

#: Formats whose vertices stay in the camera frame (y down, z forward), so that they fall on the photograph under its K.
#: glTF prescribes y up, so a .glb is turned upright.
IN_CAMERA_FRAME = (".obj", ".ply")
MESH_SUFFIXES = (*IN_CAMERA_FRAME, ".glb")


def write_mesh(path: Path, params: BodyParams, model: BodyModel) -> None:
    """One body (no batch axes); the suffix says the format. Raises ValueError for one that is not written."""
    suffix = path.suffix
    if suffix not in MESH_SUFFIXES:
        raise ValueError(f"{path}: expected a mesh file of {', '.join(MESH_SUFFIXES)}")
    vertices = model.posed(params).vertices
    placed = vertices if suffix in IN_CAMERA_FRAME else upright(vertices)
    mesh = trimesh.Trimesh(placed.numpy(), model.faces.numpy(), process=False)
    with write_atomically(path) as partial:
        mesh.export(partial, file_type=suffix[1:])
