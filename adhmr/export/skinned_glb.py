"""People as skinned meshes with their skeletons (glTF 2.0, y up, metres), in one pose or animated.

A node is a joint: at the offset from its parent in the rest pose, turned by its rotation in its parent's frame. Inverse bind
matrices are of the rest pose, so a program's skinning is ours (Loper et al. 2015, eq. 2-4). The camera is at the origin and looks
along -z, as glTF's cameras do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pygltflib as gl
import roma
import torch
import trimesh

from adhmr.export.colours import Rgb, colour_of
from adhmr.export.face import moving_face
from adhmr.export.gltf import GltfScene
from adhmr.export.motion import BodyMotion, upright, upright_rotation
from adhmr.export.skin import WEIGHTS_IN_SET, Skin, skin_of, skinned
from hmr.body import BodyModel, BodyParams
from hmr.camera import Camera
from hmr.skinned_body import SkinnedBody

#: A principal point further from the middle of the picture is not passed over.
_OFF_CENTRE_PX = 0.5
_NEAR_M, _FAR_M = 0.05, 1000.0


def write_skinned_glb(
    path: Path, people: Mapping[str, BodyMotion], model: BodyModel, camera: Camera | None = None
) -> None:
    """Everybody in one file: name of a person to their motion; of a motion of one body there is no animation.

    camera: the photograph's (no batch axes), to be looked through; left out where glTF has no such camera.

    Expressions that change are morph targets; the joints of the face stay where they are with the mean expression.

    Raises ValueError for betas that change with time, or a model without skinning weights.
    """
    if not people:
        raise ValueError(f"{path}: expected at least one person to write")
    scene, animation = GltfScene(), gl.Animation(name="motion")
    for place, (name, motion) in enumerate(people.items()):
        motion.check_one_build()
        _add_person(scene, animation, name, motion, skinned(model), colour_of(place))
    if camera is not None and (perspective := perspective_of(camera)) is not None:
        scene.add_node(gl.Node(name="camera", camera=scene.add_camera("camera", perspective)), in_scene=True)
    if animation.channels:
        scene.add_animation(animation)
    scene.save(path)


def _add_person(
    scene: GltfScene, animation: gl.Animation, name: str, motion: BodyMotion, body: SkinnedBody, rgb: Rgb
) -> None:
    skin = skin_of(body, *motion.rest())
    joints = _add_joints(scene, name, motion, skin, body)
    face = moving_face(motion, skin, body)
    mesh = _mesh_of(scene, name, skin if face is None else face.skin, rgb)
    if face is not None:
        face.add_to(scene, mesh)
    node = _add_skinned_node(scene, mesh, skin, joints)
    tracks = _tracks(motion, joints) if len(motion) > 1 else []
    tracks += [] if face is None else [(node, gl.WEIGHTS, face.weight.reshape(-1))]
    _animate(scene, animation, motion, tracks)


def perspective_of(camera: Camera) -> gl.Perspective | None:
    """glTF's pinhole camera, which looks through the middle of its picture; None for one that looks elsewhere."""
    (fx, skew, cx), (_, fy, cy), _ = camera.K.tolist()
    w, h = camera.size_wh.tolist()
    if max(abs(cx - w / 2), abs(cy - h / 2), abs(skew)) > _OFF_CENTRE_PX:
        return None
    return gl.Perspective(yfov=2 * math.atan(h / (2 * fy)), aspectRatio=(w / fx) / (h / fy), znear=_NEAR_M, zfar=_FAR_M)


def joint_quaternions(bodies: BodyParams) -> np.ndarray:
    """(t, j, 4) x y z w of every joint in its parent's frame, the root's in the frame of files; signs do not jump in time."""
    R = torch.cat([upright_rotation(bodies.R_cam_root)[:, None], bodies.R_parent_joint], 1)
    q = roma.rotmat_to_unitquat(R.double()).numpy()
    jumps = np.where((q[1:] * q[:-1]).sum(-1, keepdims=True) < 0, -1.0, 1.0)
    q[1:] *= np.cumprod(jumps, axis=0)
    return q.astype(np.float32)


def _add_joints(scene: GltfScene, name: str, motion: BodyMotion, skin: Skin, model: BodyModel) -> list[int]:
    """Numbers of the joints' nodes, in the first pose of the motion, under a node of the person's own."""
    tree, turned = model.skeleton, joint_quaternions(motion.bodies[:1])[0]
    root = upright(motion.bodies.t_cam_root[0]).numpy()
    nodes = []
    for joint, parent in enumerate(tree.joint_parents):
        offset = root if parent < 0 else skin.joints[joint] - skin.joints[parent]
        nodes.append(
            gl.Node(name=tree.joint_names[joint], translation=offset.tolist(), rotation=turned[joint].tolist())
        )
    numbers = [scene.add_node(node) for node in nodes]
    for joint, parent in enumerate(tree.joint_parents):
        if parent >= 0:
            nodes[parent].children = [*(nodes[parent].children or []), numbers[joint]]
    scene.add_node(gl.Node(name=f"{name} skeleton", children=[numbers[0]]), in_scene=True)
    return numbers


def _unit_normals(skin: Skin) -> np.ndarray:
    """(v, 3) float32. glTF wants unit length everywhere: vertices of no face, or of faces without area, look to the front."""
    normals = np.asarray(trimesh.Trimesh(skin.vertices, skin.faces, process=False).vertex_normals)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.where(length > 0.5, normals / np.maximum(length, 1e-12), [0.0, 0.0, 1.0]).astype(np.float32)


def _mesh_of(scene: GltfScene, name: str, skin: Skin, rgb: Rgb) -> gl.Mesh:
    attributes = gl.Attributes(
        POSITION=scene.add_attribute(skin.vertices), NORMAL=scene.add_attribute(_unit_normals(skin))
    )
    for number in range(skin.weight.shape[1] // WEIGHTS_IN_SET):
        columns = slice(number * WEIGHTS_IN_SET, (number + 1) * WEIGHTS_IN_SET)
        index, weight = skin.joint_of_weight[:, columns].astype(np.uint8), skin.weight[:, columns]
        setattr(attributes, f"JOINTS_{number}", scene.add_attribute(index))
        setattr(attributes, f"WEIGHTS_{number}", scene.add_attribute(weight))
    primitive = gl.Primitive(
        attributes=attributes,
        indices=scene.add_indices(skin.faces),
        material=scene.add_material(name, rgb),
    )
    return gl.Mesh(name=name, primitives=[primitive])


def _add_skinned_node(scene: GltfScene, mesh: gl.Mesh, skin: Skin, joints: list[int]) -> int:
    to_joint = np.tile(np.eye(4, dtype=np.float32), (len(joints), 1, 1))
    to_joint[:, :3, 3] = -skin.joints
    bound = gl.Skin(name=mesh.name, joints=joints, skeleton=joints[0], inverseBindMatrices=scene.add_array(to_joint))
    # A skinned mesh has no place of its own: its joints say where it is, so it hangs from nothing.
    node = gl.Node(name=mesh.name, mesh=scene.add_mesh(mesh), skin=scene.add_skin(bound))
    return scene.add_node(node, in_scene=True)


#: A node, what of it changes, and its values at the motion's times.
_Track = tuple[int, str, np.ndarray]


def _tracks(motion: BodyMotion, joints: list[int]) -> list[_Track]:
    """A rotation for every joint and a translation for the root."""
    turned = joint_quaternions(motion.bodies)
    moved = upright(motion.bodies.t_cam_root).numpy().astype(np.float32)
    return [(joints[0], gl.TRANSLATION, moved), *((n, gl.ROTATION, turned[:, j]) for j, n in enumerate(joints))]


def _animate(scene: GltfScene, animation: gl.Animation, motion: BodyMotion, tracks: list[_Track]) -> None:
    """Linear between the bodies."""
    if not tracks:
        return
    times = scene.add_array(motion.time_s.numpy().astype(np.float32))
    for node, what, values in tracks:
        output = scene.add_array(values)
        animation.samplers.append(gl.AnimationSampler(input=times, output=output, interpolation=gl.ANIM_LINEAR))
        target = gl.AnimationChannelTarget(node=node, path=what)
        animation.channels.append(gl.AnimationChannel(sampler=len(animation.samplers) - 1, target=target))
