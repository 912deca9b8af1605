"""What a viewer makes of a skinned .glb, written after the glTF 2.0 specification: no line of it is shared with the exporter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pygltflib as gl
from scipy.spatial.transform import Rotation, Slerp

_DTYPE = {gl.FLOAT: np.float32, gl.UNSIGNED_INT: np.uint32, gl.UNSIGNED_BYTE: np.uint8}
_WIDTH = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}


class Viewer:
    def __init__(self, path: Path) -> None:
        self.file = gl.GLTF2().load(str(path))
        self._blob = self.file.binary_blob()

    def array(self, number: int) -> np.ndarray:
        accessor = self.file.accessors[number]
        view, width = self.file.bufferViews[accessor.bufferView], _WIDTH[accessor.type]
        flat = np.frombuffer(self._blob, _DTYPE[accessor.componentType], accessor.count * width, view.byteOffset)
        return flat if width == 1 else flat.reshape(accessor.count, width)

    def _animated(self, node: int, what: str, time_s: float) -> np.ndarray | None:
        for animation in self.file.animations:
            for channel in animation.channels:
                if channel.target.node == node and channel.target.path == what:
                    sampler = animation.samplers[channel.sampler]
                    times, values = self.array(sampler.input), self.array(sampler.output)
                    time_s = float(np.clip(time_s, times[0], times[-1]))
                    if what == "weights":
                        values = values.reshape(len(times), -1)
                    if what == "rotation":
                        return Slerp(times, Rotation.from_quat(values))(time_s).as_quat()
                    return np.array([np.interp(time_s, times, column) for column in values.T])
        return None

    def _local(self, number: int, time_s: float | None) -> np.ndarray:
        node, out = self.file.nodes[number], np.eye(4)
        turned = node.rotation if time_s is None else self._animated(number, "rotation", time_s)
        moved = node.translation if time_s is None else self._animated(number, "translation", time_s)
        turned, moved = node.rotation if turned is None else turned, node.translation if moved is None else moved
        out[:3, :3] = Rotation.from_quat(turned).as_matrix() if turned is not None else np.eye(3)
        out[:3, 3] = moved if moved is not None else 0
        return out

    def transforms(self, time_s: float | None = None) -> dict[int, np.ndarray]:
        """Every node to the scene; time None: as the file stands still."""
        out: dict[int, np.ndarray] = {}
        waiting = [(number, np.eye(4)) for number in self.file.scenes[self.file.scene].nodes]
        while waiting:
            number, above = waiting.pop()
            out[number] = above @ self._local(number, time_s)
            waiting += [(child, out[number]) for child in self.file.nodes[number].children or []]
        return out

    def _morphed(self, number: int, time_s: float | None) -> np.ndarray:
        mesh = self.file.meshes[self.file.nodes[number].mesh]
        weights = None if time_s is None else self._animated(number, "weights", time_s)
        weights = (mesh.weights or []) if weights is None else weights
        out = self.array(mesh.primitives[0].attributes.POSITION)
        for target, weight in zip(mesh.primitives[0].targets or [], weights, strict=True):
            out = out + weight * self.array(target["POSITION"])
        return out

    def posed(self, name: str, time_s: float | None = None) -> np.ndarray:
        """(v, 3) of the skinned mesh of a node."""
        number = next(i for i, n in enumerate(self.file.nodes) if n.name == name and n.mesh is not None)
        node = self.file.nodes[number]
        skin, attributes = self.file.skins[node.skin], self.file.meshes[node.mesh].primitives[0].attributes
        to_joint = self.array(skin.inverseBindMatrices).reshape(-1, 4, 4).transpose(0, 2, 1)
        world = self.transforms(time_s)
        matrices = np.stack([world[joint] @ bind for joint, bind in zip(skin.joints, to_joint, strict=True)])
        rest = np.pad(self._morphed(number, time_s), ((0, 0), (0, 1)), constant_values=1)
        out = np.zeros((len(rest), 4))
        for joints, weights in (("JOINTS_0", "WEIGHTS_0"), ("JOINTS_1", "WEIGHTS_1")):
            if getattr(attributes, joints) is None:
                continue
            index, weight = self.array(getattr(attributes, joints)), self.array(getattr(attributes, weights))
            out += np.einsum("vk,vkij,vj->vi", weight, matrices[index], rest)
        return out[:, :3]
