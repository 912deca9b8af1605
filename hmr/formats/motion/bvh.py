"""BVH (Biovision Hierarchy): a tree of joints with offsets, and Euler angles of every joint for every frame.

A file says nothing of its unit and its axes; centimetres and y up are usual, and what is written here. A joint's channels are
rotations about its own axes in the order in which they stand: Zrotation Xrotation Yrotation is Rz Rx Ry.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from hmr.body import chain_positions, global_rotations
from hmr.files import write_atomically
from hmr.formats.motion.bvh_text import BvhJoint, frames_of, joints_of, sections_of

METRES_PER_UNIT = 0.01
_WRITTEN_CHANNELS = "Zrotation Xrotation Yrotation"


@dataclass(frozen=True)
class BvhMotion:
    """A skeleton of j joints, parents before their children, in t frames. The world has y up where the file has.

    Attributes:
        names: of the joints, the root first.
        parents: of each joint; -1 for the root.
        offset_m: (j, 3) from the parent, in the parent's axes; the root's is not used: ``t_world_root_m`` says where it is.
        R_parent_joint: (t, j, 3, 3) of every joint in its parent's frame, the root's in the world.
        t_world_root_m: (t, 3).
        frame_time_s: seconds between frames.
        end_offset_m: of joints without children, to where their bone ends.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offset_m: Tensor
    R_parent_joint: Tensor
    t_world_root_m: Tensor
    frame_time_s: float
    end_offset_m: dict[int, tuple[float, float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        j, t = len(self.names), len(self.t_world_root_m)
        expected = {"offset_m": (j, 3), "R_parent_joint": (t, j, 3, 3), "t_world_root_m": (t, 3)}
        for name, want in expected.items():
            if tuple(getattr(self, name).shape) != want:
                raise ValueError(f"BvhMotion.{name}: expected {want}, got {tuple(getattr(self, name).shape)}")
        if len(self.parents) != j or any(not -1 <= p < i for i, p in enumerate(self.parents)):
            raise ValueError(f"BvhMotion.parents: expected {j} numbers, each smaller than its joint's own")

    def joints_m(self) -> Tensor:
        """(t, j, 3) where the joints are in the world."""
        R = global_rotations(self.R_parent_joint[:, 0], self.R_parent_joint[:, 1:], self.parents)
        rest = [torch.zeros_like(self.offset_m[0])]
        for joint in range(1, len(self.names)):
            rest.append(rest[self.parents[joint]] + self.offset_m[joint])
        return chain_positions(R, torch.stack(rest), self.parents) + self.t_world_root_m[:, None]


def read_bvh(path: Path, metres_per_unit: float = METRES_PER_UNIT) -> BvhMotion:
    """Every frame of a file. Position channels of joints other than the root are not used: bones keep their lengths.

    metres_per_unit: of the file's lengths; a file does not say it.
    Raises ValueError that names the file and says what was expected: what is not BVH, a brace too few, unknown channels, numbers
    that are missing or not finite.
    """
    try:
        tree, motion = sections_of(path.read_text(errors="replace"))
        joints = joints_of(tree)
        values, frame_time_s = frames_of(motion, sum(len(joint.channels) for joint in joints))
    except FileNotFoundError:
        raise ValueError(f"{path}: expected a BVH file, there is none") from None
    except ValueError as error:
        raise ValueError(f"{path}: not read as BVH: {error}") from None
    ends = np.cumsum([len(joint.channels) for joint in joints])
    columns = np.split(values, ends[:-1], axis=1)
    R = np.stack([_rotations(joint, c) for joint, c in zip(joints, columns, strict=True)], 1)
    return BvhMotion(
        tuple(joint.name for joint in joints),
        tuple(joint.parent for joint in joints),
        _metres([joint.offset for joint in joints], metres_per_unit),
        torch.from_numpy(R).float(),
        _metres(_root_positions(joints[0], columns[0]), metres_per_unit),
        frame_time_s,
        {
            i: _scaled(joint.end_offset, metres_per_unit)
            for i, joint in enumerate(joints)
            if joint.end_offset is not None
        },
    )


def _scaled(values: tuple[float, float, float], factor: float) -> tuple[float, float, float]:
    return values[0] * factor, values[1] * factor, values[2] * factor


def _metres(values: np.ndarray | list, metres_per_unit: float) -> Tensor:
    return torch.from_numpy(np.asarray(values, dtype=np.float64) * metres_per_unit).float()


def _rotations(joint: BvhJoint, values: np.ndarray) -> np.ndarray:
    """(t, c) of a joint's channels to (t, 3, 3)."""
    turned = [(name[0], values[:, i]) for i, name in enumerate(joint.channels) if name.endswith("rotation")]
    if not turned:
        return np.tile(np.eye(3), (len(values), 1, 1))
    angles = np.stack([degrees for _, degrees in turned], 1)
    return Rotation.from_euler("".join(axis for axis, _ in turned), angles, degrees=True).as_matrix()


def _root_positions(root: BvhJoint, values: np.ndarray) -> np.ndarray:
    """(t, 3): where the root has position channels they stand in the place of its offset, as in the programs that write BVH."""
    out = np.tile(np.asarray(root.offset), (len(values), 1))
    for i, name in enumerate(root.channels):
        if name.endswith("position"):
            out[:, "XYZ".index(name[0])] = values[:, i]
    return out


def write_bvh(path: Path, motion: BvhMotion, metres_per_unit: float = METRES_PER_UNIT) -> None:
    """Atomically. Angles do not jump by whole turns between frames."""
    lines = ["HIERARCHY", *_hierarchy(motion, 0, "", 1 / metres_per_unit)]
    lines += ["MOTION", f"Frames: {len(motion.t_world_root_m)}", f"Frame Time: {motion.frame_time_s:.9f}"]
    places = motion.t_world_root_m.double().numpy() / metres_per_unit
    angles = [euler_degrees(motion.R_parent_joint[:, j]) for j in _depth_first(motion)]
    rows = np.concatenate([places, *angles], 1)
    lines += [" ".join(f"{value:.6f}" for value in row) for row in rows]
    with write_atomically(path) as partial:
        partial.write_text("\n".join(lines) + "\n")


def euler_degrees(R: Tensor) -> np.ndarray:
    """(t, 3, 3) to (t, 3) about z, x and y, in degrees."""
    with warnings.catch_warnings():
        # Where x is a right angle one of the other two is free; any answer gives the same rotation.
        warnings.simplefilter("ignore", UserWarning)
        angles = Rotation.from_matrix(R.double().numpy()).as_euler("ZXY")
    return np.degrees(np.unwrap(angles, axis=0))


def _children(motion: BvhMotion, joint: int) -> list[int]:
    return [child for child, parent in enumerate(motion.parents) if parent == joint]


def _depth_first(motion: BvhMotion, joint: int = 0) -> list[int]:
    """Joints as a file has them: each child with all that hangs from it before the next one."""
    return [joint, *(below for child in _children(motion, joint) for below in _depth_first(motion, child))]


def _hierarchy(motion: BvhMotion, joint: int, indent: str, units_per_metre: float) -> list[str]:
    def offset(values: Tensor | tuple[float, ...]) -> str:
        return "OFFSET " + " ".join(f"{float(value) * units_per_metre:.6f}" for value in values)

    root = joint == 0
    inside = indent + "  "
    positions = "Xposition Yposition Zposition " if root else ""
    lines = [
        f"{indent}{'ROOT' if root else 'JOINT'} {motion.names[joint]}",
        f"{indent}{{",
        inside + offset((0.0, 0.0, 0.0) if root else motion.offset_m[joint]),
        f"{inside}CHANNELS {6 if root else 3} {positions}{_WRITTEN_CHANNELS}",
    ]
    for child in _children(motion, joint):
        lines += _hierarchy(motion, child, inside, units_per_metre)
    if joint in motion.end_offset_m:
        lines += [
            f"{inside}End Site",
            f"{inside}{{",
            f"{inside}  {offset(motion.end_offset_m[joint])}",
            f"{inside}}}",
        ]
    return [*lines, f"{indent}}}"]
