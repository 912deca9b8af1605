"""Skeletons as values, and SMPL's: 24 body joints and the 29 keypoints of HybrIK, HypoNet and ADHMR.

The networks of this house speak of SMPL's 29 keypoints: keypoint k < 24 is body joint k, the other five are leaf points that move
with a joint. Twist k (0..22) belongs to joint k + 1 and turns about the bone to ``BONE_CHILD[k + 1]``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache


@lru_cache
def depth_levels(parents: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Joints grouped by distance from the root, so that a chain is walked one vectorised level at a time."""
    depth = [0] * len(parents)
    for joint in range(1, len(parents)):
        depth[joint] = depth[parents[joint]] + 1
    return tuple(tuple(j for j in range(len(parents)) if depth[j] == d) for d in range(max(depth) + 1))


def other_side(name: str) -> str:
    """The name on the other side of the body; itself when it is in the middle."""
    swapped = {"left": "right", "right": "left"}
    return "_".join(swapped.get(word, word) for word in name.split("_"))


@dataclass(frozen=True, eq=False)
class Skeleton:
    """The joints of a body model, the points on it that are followed beside them, and what makes a part.

    Attributes:
        name: of the model's family.
        joint_names: the root first, parents before their children.
        joint_parents: of each joint; -1 for the root.
        point_names: points beside the joints; keypoints are the joints, then these.
        point_parents: the joint that each point moves with rigidly; empty where points are skinned like vertices.
        parts: name of a part to the keypoints that tell whether it is right.
        part_joints: name of a part to the joints whose rotations are its own.
        part_owners: name of a part to the joints that move its vertices.
        part_root: name of a part to the joint at which its error is aligned.
    """

    name: str
    joint_names: tuple[str, ...]
    joint_parents: tuple[int, ...]
    point_names: tuple[str, ...]
    point_parents: tuple[int, ...] = ()
    parts: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    part_joints: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    part_owners: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    part_root: Mapping[str, int] = field(default_factory=dict)

    def __reduce__(self):
        return skeleton_named, (self.name,)

    @property
    def num_joints(self) -> int:
        return len(self.joint_names)

    @property
    def num_keypoints(self) -> int:
        return len(self.joint_names) + len(self.point_names)

    @cached_property
    def keypoint_names(self) -> tuple[str, ...]:
        return self.joint_names + self.point_names

    @cached_property
    def keypoint_parents(self) -> tuple[int, ...]:
        """The joints' parents, then the points', where those move rigidly."""
        return self.joint_parents + self.point_parents

    @cached_property
    def mirrored_keypoint(self) -> tuple[int, ...]:
        """For each keypoint the one on the other side of the body (itself when it is in the middle)."""
        return tuple(self.keypoint_names.index(other_side(name)) for name in self.keypoint_names)

    def index(self, name: str) -> int:
        """Number of a keypoint. Raises ValueError that names the skeleton."""
        try:
            return self.keypoint_names.index(name)
        except ValueError:
            raise ValueError(f"{self.name} has no keypoint '{name}'") from None


JOINT_NAMES = (
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle", "right_ankle",
    "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head", "left_shoulder",
    "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hand", "right_hand",
)  # fmt: skip
LEAF_NAMES = ("head_top", "left_middle_tip", "right_middle_tip", "left_big_toe_tip", "right_big_toe_tip")
KEYPOINT_NAMES = JOINT_NAMES + LEAF_NAMES

JOINT_PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)
LEAF_PARENTS = (15, 22, 23, 10, 11)
KEYPOINT_PARENTS = JOINT_PARENTS + LEAF_PARENTS

NUM_JOINTS = len(JOINT_NAMES)
NUM_KEYPOINTS = len(KEYPOINT_NAMES)
NUM_TWISTS = NUM_JOINTS - 1

#: The keypoint that defines a joint's bone, for joints 1..23 (spine3 points at the neck); the pelvis has three children.
BONE_CHILD = tuple(
    -1 if joint == 0 else (12 if joint == 9 else KEYPOINT_PARENTS.index(joint)) for joint in range(NUM_JOINTS)
)
#: The three keypoints that fix the orientation of the pelvis.
PELVIS_CHILDREN = (1, 2, 3)

#: Which keypoints tell whether a part is right.
PARTS: dict[str, tuple[int, ...]] = {
    part: tuple(KEYPOINT_NAMES.index(name) for name in names)
    for part, names in {
        "torso": ("pelvis", "spine1", "spine2", "spine3", "neck", "left_collar", "right_collar"),
        "head": ("head", "head_top"),
        "left_arm": ("left_shoulder", "left_elbow", "left_wrist"),
        "right_arm": ("right_shoulder", "right_elbow", "right_wrist"),
        "left_hand": ("left_hand", "left_middle_tip"),
        "right_hand": ("right_hand", "right_middle_tip"),
        "left_leg": ("left_hip", "left_knee", "left_ankle"),
        "right_leg": ("right_hip", "right_knee", "right_ankle"),
        "left_foot": ("left_foot", "left_big_toe_tip"),
        "right_foot": ("right_foot", "right_big_toe_tip"),
    }.items()
}

#: SMPL's, and every body's that goes through the generator and the scorer.
SMPL = Skeleton("smpl", JOINT_NAMES, JOINT_PARENTS, LEAF_NAMES, LEAF_PARENTS, PARTS)
#: For each of SMPL's 29 keypoints the one on the other side of the body.
MIRRORED_KEYPOINT = SMPL.mirrored_keypoint


def skeleton_named(name: str) -> Skeleton:
    """One of the skeletons of this house. Raises ValueError for another name."""
    from hmr.skeleton_smplx import SMPLX

    known = {skeleton.name: skeleton for skeleton in (SMPL, SMPLX)}
    if name not in known:
        raise ValueError(f"unknown skeleton '{name}': known are {', '.join(known)}")
    return known[name]


def skeleton_of_joints(count: int) -> Skeleton:
    """The skeleton with so many joints. Raises ValueError where there is none."""
    from hmr.skeleton_smplx import SMPLX

    for skeleton in (SMPL, SMPLX):
        if skeleton.num_joints == count:
            return skeleton
    raise ValueError(f"expected bodies of {SMPL.num_joints} or {SMPLX.num_joints} joints, got {count}")
