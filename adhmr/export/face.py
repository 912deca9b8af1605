"""Expressions that change with time, as glTF's morph targets: they move the rest mesh, and skinning comes after, as in SMPL-X.

Blender keeps the weights of targets in [0, 1]. So the rest mesh has the lowest value of every expression, and a target is the way
to its highest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pygltflib as gl

from adhmr.export.gltf import GltfScene
from adhmr.export.motion import BodyMotion
from adhmr.export.skin import Skin
from hmr.skinned_body import NUM_BETAS, SkinnedBody


@dataclass(frozen=True)
class MovingFace:
    """e expressions over t bodies.

    Attributes:
        skin: of a face with the lowest value of every expression.
        targets: (e, v, 3) metres, what the highest value of each adds.
        weight: (t, e) in [0, 1].
    """

    skin: Skin
    targets: np.ndarray
    weight: np.ndarray

    def add_to(self, scene: GltfScene, mesh: gl.Mesh) -> None:
        """The targets, and the weights of the first body."""
        mesh.primitives[0].targets = [gl.Attributes(POSITION=scene.add_attribute(moved)) for moved in self.targets]
        mesh.weights = self.weight[0].tolist()


def moving_face(motion: BodyMotion, skin: Skin, body: SkinnedBody) -> MovingFace | None:
    """None where the face keeps still. skin: of the person, whose joints stay where they are."""
    expression = motion.bodies.expression
    if expression is None or motion.keeps("expression"):
        return None
    low, high = expression.amin(0), expression.amax(0)
    vertices = body.rest_vertices(motion.bodies.shape[0], low).numpy().astype(np.float32)
    targets = (body.directions[..., NUM_BETAS:] * (high - low)).permute(2, 0, 1)
    weight = (expression - low) / (high - low).clamp(min=1e-12)
    return MovingFace(
        replace(skin, vertices=vertices), targets.numpy().astype(np.float32), weight.numpy().astype(np.float32)
    )
