"""A glTF 2.0 scene that grows array by array, in one binary file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pygltflib as gl

from adhmr.export.colours import Rgb
from hmr.files import write_atomically

_COMPONENT = {
    np.dtype(np.float32): gl.FLOAT, np.dtype(np.uint32): gl.UNSIGNED_INT, np.dtype(np.uint8): gl.UNSIGNED_BYTE,
}  # fmt: skip
_TYPE = {(): gl.SCALAR, (3,): gl.VEC3, (4,): gl.VEC4, (4, 4): gl.MAT4}


class GltfScene:
    """One scene, y up, metres. Every ``add`` returns the number that other parts of the file refer to."""

    def __init__(self) -> None:
        self._file = gl.GLTF2(asset=gl.Asset(version="2.0", generator="adhmr"), scene=0, scenes=[gl.Scene(nodes=[])])
        self._bytes = bytearray()

    def _add(self, kind: str, item: Any) -> int:
        items = getattr(self._file, kind)
        items.append(item)
        return len(items) - 1

    def add_array(self, array: np.ndarray, target: int | None = None) -> int:
        """An accessor of (n,), (n, 3), (n, 4) or (n, 4, 4) numbers. target: what a graphics card holds it for, if it does."""
        if array.dtype not in _COMPONENT or array.shape[1:] not in _TYPE:
            raise ValueError(f"glTF: expected float32, uint32 or uint8 of known shape, got {array.dtype} {array.shape}")
        # Matrices are stored by columns.
        stored = np.ascontiguousarray(array.swapaxes(1, 2) if array.ndim == 3 else array).tobytes()
        view = gl.BufferView(buffer=0, byteOffset=len(self._bytes), byteLength=len(stored), target=target)
        self._bytes += stored + b"\0" * (-len(stored) % 4)
        accessor = gl.Accessor(
            bufferView=self._add("bufferViews", view), componentType=_COMPONENT[array.dtype], count=len(array),
            type=_TYPE[array.shape[1:]],
        )  # fmt: skip
        if array.ndim < 3 and array.dtype == np.float32:
            accessor.min, accessor.max = (np.atleast_1d(f(array, axis=0)).tolist() for f in (np.min, np.max))
        return self._add("accessors", accessor)

    def add_attribute(self, array: np.ndarray) -> int:
        return self.add_array(array, gl.ARRAY_BUFFER)

    def add_indices(self, faces: np.ndarray) -> int:
        return self.add_array(faces.astype(np.uint32).reshape(-1), gl.ELEMENT_ARRAY_BUFFER)

    def add_material(self, name: str, rgb: Rgb) -> int:
        """The file has linear light."""
        colour = gl.PbrMetallicRoughness(
            baseColorFactor=[*(c**2.2 for c in rgb), 1.0], metallicFactor=0.0, roughnessFactor=0.8
        )
        return self._add("materials", gl.Material(name=name, pbrMetallicRoughness=colour, alphaCutoff=None))

    def add_camera(self, name: str, camera: gl.Perspective) -> int:
        return self._add("cameras", gl.Camera(name=name, type=gl.PERSPECTIVE, perspective=camera))

    def add_mesh(self, mesh: gl.Mesh) -> int:
        return self._add("meshes", mesh)

    def add_node(self, node: gl.Node, in_scene: bool = False) -> int:
        number = self._add("nodes", node)
        if in_scene:
            self._file.scenes[0].nodes.append(number)  # pyright: ignore[reportOptionalMemberAccess]
        return number

    def add_skin(self, skin: gl.Skin) -> int:
        return self._add("skins", skin)

    def add_animation(self, animation: gl.Animation) -> int:
        return self._add("animations", animation)

    def save(self, path: Path) -> None:
        """Atomically, as .glb."""
        self._file.buffers = [gl.Buffer(byteLength=len(self._bytes))]
        self._file.set_binary_blob(bytes(self._bytes))
        with write_atomically(path) as partial:
            self._file.save_binary(str(partial))
