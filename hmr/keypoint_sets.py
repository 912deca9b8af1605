"""Sets of 2D keypoints as detectors and annotators give them: named points, so that maps between sets are computed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hmr.skeleton import JOINT_NAMES, KEYPOINT_NAMES, other_side


@dataclass(frozen=True)
class KeypointSet:
    """Points in the order of a detector's or a dataset's files.

    Attributes:
        name: what options and files call it.
        points: their names; the same name means the same place on a body in every set.
    """

    name: str
    points: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.points)

    @cached_property
    def place(self) -> dict[str, int]:
        """Number of each point."""
        return {point: i for i, point in enumerate(self.points)}

    @cached_property
    def mirrored(self) -> list[int]:
        """Of each point the number of the one on the other side of the body; its own in the middle."""
        return [self.place[other_side(point)] for point in self.points]

    def taken_to(self, other: KeypointSet) -> tuple[list[int], list[int]]:
        """Numbers here and there of the points that both have."""
        both = [point for point in other.points if point in self.place]
        return [self.place[point] for point in both], [other.place[point] for point in both]


def _sides(*points: str) -> tuple[str, ...]:
    return tuple(f"{side}_{point}" for point in points for side in ("left", "right"))


def _hand(side: str) -> tuple[str, ...]:
    fingers = ("thumb", "index", "middle", "ring", "little")
    return (f"{side}_hand_root", *(f"{side}_{finger}_{i}" for finger in fingers for i in range(1, 5)))


_COCO_17 = ("nose", *_sides("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle"))
COCO_17 = KeypointSet("coco17", _COCO_17)
#: 17 of the body, 6 of the feet, 68 of the face, 21 of each hand.
COCO_WHOLEBODY = KeypointSet(
    "coco_wholebody",
    (
        *_COCO_17, "left_big_toe", "left_small_toe", "left_heel", "right_big_toe", "right_small_toe", "right_heel",
        *(f"face_{i}" for i in range(68)), *_hand("left"), *_hand("right"),
    ),
)  # fmt: skip
#: MediaPipe's. Its foot_index is the tip of the toes, taken for the big toe.
BLAZEPOSE_33 = KeypointSet(
    "blazepose33",
    (
        "nose", "left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye", "right_eye_outer",
        "left_ear", "right_ear", "mouth_left", "mouth_right", *_sides("shoulder", "elbow", "wrist"),
        *_sides("pinky", "index", "thumb"), *_sides("hip", "knee", "ankle", "heel", "big_toe"),
    ),
)  # fmt: skip
OPENPOSE_25 = KeypointSet(
    "openpose25",
    (
        "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
        "mid_hip", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "right_eye",
        "left_eye", "right_ear", "left_ear", "left_big_toe", "left_small_toe", "left_heel", "right_big_toe",
        "right_small_toe", "right_heel",
    ),
)  # fmt: skip
SMPL_24 = KeypointSet("smpl24", JOINT_NAMES)
LSP_14 = KeypointSet(
    "lsp14",
    (
        "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "right_wrist", "right_elbow",
        "right_shoulder", "left_shoulder", "left_elbow", "left_wrist", "neck", "head_top",
    ),
)  # fmt: skip
#: What networks are told: points that most sets have some of.
PROMPT_POINTS = KeypointSet("prompt", (*_COCO_17, "neck", "head_top", "mid_hip", *_sides("big_toe", "heel")))

#: Which of SMPL's 29 keypoints a point is, or is next to.
SMPL_OF_POINT = {
    **{name: name for name in KEYPOINT_NAMES},
    "mid_hip": "pelvis", "left_big_toe": "left_big_toe_tip", "right_big_toe": "right_big_toe_tip",
}  # fmt: skip

KEYPOINT_SETS = {s.name: s for s in (COCO_17, COCO_WHOLEBODY, BLAZEPOSE_33, OPENPOSE_25, SMPL_24, LSP_14)}


def keypoint_set(name: str) -> KeypointSet:
    """Raises ValueError for a name that is none."""
    if name not in KEYPOINT_SETS:
        raise ValueError(f"unknown set of keypoints '{name}': known are {', '.join(KEYPOINT_SETS)}")
    return KEYPOINT_SETS[name]


def keypoint_set_of_length(count: int) -> KeypointSet:
    """The set with so many points. Raises ValueError where there is none."""
    for known in KEYPOINT_SETS.values():
        if len(known) == count:
            return known
    lengths = ", ".join(f"{len(s)} ({s.name})" for s in KEYPOINT_SETS.values())
    raise ValueError(f"no known set has {count} keypoints; known are {lengths}")


@dataclass(frozen=True, eq=False)
class Keypoints:
    """2D keypoints of one person, as somebody or something says; none of it is truth.

    Attributes:
        of: the set.
        px: (k, 3) float32: x, y in pixels and a confidence in [0, 1]; 0 where nothing is said (x and y are then 0).
    """

    of: KeypointSet
    px: np.ndarray

    def __post_init__(self) -> None:
        if self.px.shape != (len(self.of), 3):
            raise ValueError(f"keypoints of {self.of.name}: expected ({len(self.of)}, 3), got {self.px.shape}")
        if not np.isfinite(self.px).all() or self.px[:, 2].min() < 0 or self.px[:, 2].max() > 1:
            raise ValueError(f"keypoints of {self.of.name}: expected finite places and confidences from 0 to 1")

    @classmethod
    def read(cls, of: KeypointSet, px: np.ndarray) -> Keypoints:
        """From numbers (k, 3) of a file: points that are not finite, or have no confidence, say nothing; confidences above 1
        are 1."""
        px = np.array(px, dtype=np.float32)
        if px.shape != (len(of), 3):
            raise ValueError(f"keypoints of {of.name}: expected ({len(of)}, 3) numbers, got {px.shape}")
        said = np.isfinite(px).all(1) & (px[:, 2] > 0)
        px[~said] = 0
        px[:, 2] = px[:, 2].clip(0, 1)
        return cls(of, px)

    def taken_to(self, other: KeypointSet) -> Keypoints:
        """The same in another set; points that this one lacks are unknown. A middle of two points is made of them."""
        px = np.zeros((len(other), 3), dtype=np.float32)
        here, there = self.of.taken_to(other)
        px[there] = self.px[here]
        for middle, sides in _MIDDLES.items():
            if middle in other.place and middle not in self.of.place and all(side in self.of.place for side in sides):
                a, b = (self.px[self.of.place[side]] for side in sides)
                if min(a[2], b[2]) > 0:
                    px[other.place[middle]] = [*(a[:2] + b[:2]) / 2, min(a[2], b[2])]
        return Keypoints(other, px)

    @property
    def count(self) -> int:
        """Points of which something is said."""
        return int((self.px[:, 2] > 0).sum())


_MIDDLES = {"mid_hip": ("left_hip", "right_hip"), "neck": ("left_shoulder", "right_shoulder")}
