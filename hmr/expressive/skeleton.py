"""SMPL-X's 55 joints in its own order, the points of hands and face beside them, and which of them make a part."""

from __future__ import annotations

from hmr.skeleton import JOINT_NAMES, JOINT_PARENTS

FINGERS = ("index", "middle", "pinky", "ring", "thumb")
_BODY = JOINT_NAMES[:22]


def _hand(side: str) -> tuple[str, ...]:
    return tuple(f"{side}_{finger}{k}" for finger in FINGERS for k in (1, 2, 3))


EXPRESSIVE_JOINT_NAMES = (*_BODY, "jaw", "left_eye", "right_eye", *_hand("left"), *_hand("right"))
_INDEX = {name: i for i, name in enumerate(EXPRESSIVE_JOINT_NAMES)}


def _parent(name: str) -> int:
    if name in _BODY:
        return JOINT_PARENTS[_INDEX[name]]
    if name in ("jaw", "left_eye", "right_eye"):
        return _INDEX["head"]
    side, finger = name.split("_")
    return _INDEX[f"{side}_wrist"] if finger.endswith("1") else _INDEX[name] - 1


EXPRESSIVE_JOINT_PARENTS = tuple(_parent(name) for name in EXPRESSIVE_JOINT_NAMES)
NUM_EXPRESSIVE_JOINTS = len(EXPRESSIVE_JOINT_NAMES)

TIP_NAMES = tuple(f"{side}_{finger}_tip" for side in ("left", "right") for finger in FINGERS)
NUM_FACE_POINTS = 16
#: Joints, finger tips, and points spread over the front of the face.
EXPRESSIVE_KEYPOINT_NAMES = (
    *EXPRESSIVE_JOINT_NAMES,
    *TIP_NAMES,
    *(f"face{i}" for i in range(NUM_FACE_POINTS)),
)
NUM_EXPRESSIVE_KEYPOINTS = len(EXPRESSIVE_KEYPOINT_NAMES)

PART_NAMES = ("body", "left_hand", "right_hand", "face")
#: Joints whose rotation belongs to a part.
PART_JOINTS: dict[str, tuple[int, ...]] = {
    "body": tuple(range(22)),
    "left_hand": tuple(_INDEX[name] for name in _hand("left")),
    "right_hand": tuple(_INDEX[name] for name in _hand("right")),
    "face": (_INDEX["jaw"],),
}
#: Joints that move the vertices of a part (of the face: of the whole head, as FLAME's vertices are).
PART_OWNERS: dict[str, tuple[int, ...]] = {
    "left_hand": (_INDEX["left_wrist"], *PART_JOINTS["left_hand"]),
    "right_hand": (_INDEX["right_wrist"], *PART_JOINTS["right_hand"]),
    "face": (_INDEX["head"], _INDEX["jaw"], _INDEX["left_eye"], _INDEX["right_eye"]),
}
#: Where a part's error is aligned: its wrist, or the neck.
PART_ROOT = {"left_hand": _INDEX["left_wrist"], "right_hand": _INDEX["right_wrist"], "face": _INDEX["neck"]}


def _on_part(part: str) -> tuple[int, ...]:
    if part == "face":
        names = [name for name in EXPRESSIVE_KEYPOINT_NAMES if name.startswith("face")]
    else:
        side = part.removesuffix("_hand")
        names = [f"{side}_wrist", *_hand(side), *(f"{side}_{finger}_tip" for finger in FINGERS)]
    return tuple(EXPRESSIVE_KEYPOINT_NAMES.index(name) for name in names)


#: Keypoints that lie on a part: they make its box in a picture.
PART_KEYPOINTS: dict[str, tuple[int, ...]] = {part: _on_part(part) for part in PART_OWNERS}
