"""SMPL's 24 body joints and the 29 keypoints of HybrIK, HypoNet and ADHMR (24 joints and 5 leaf points).

Keypoint k < 24 is body joint k. Twist k (0..22) belongs to joint k + 1 and turns about the bone to ``BONE_CHILD[k + 1]``.
"""

from functools import lru_cache

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

#: For each keypoint the one on the other side of the body (itself when it is in the middle).
MIRRORED_KEYPOINT = tuple(
    KEYPOINT_NAMES.index(
        name.replace("left_", "right_") if name.startswith("left_") else name.replace("right_", "left_")
    )
    for name in KEYPOINT_NAMES
)

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


@lru_cache
def depth_levels(parents: tuple[int, ...] = JOINT_PARENTS) -> tuple[tuple[int, ...], ...]:
    """Joints grouped by distance from the pelvis, so that a chain is walked one vectorised level at a time."""
    depth = [0] * len(parents)
    for joint in range(1, len(parents)):
        depth[joint] = depth[parents[joint]] + 1
    return tuple(tuple(j for j in range(len(parents)) if depth[j] == d) for d in range(max(depth) + 1))
