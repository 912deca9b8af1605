"""SMPL-X's 55 joints in its own order, the points of hands and face beside them, and which of them make a part."""

from __future__ import annotations

from hmr.skeleton import JOINT_NAMES, JOINT_PARENTS, Skeleton

FINGERS = ("index", "middle", "pinky", "ring", "thumb")
PART_NAMES = ("body", "left_hand", "right_hand", "face")
NUM_FACE_POINTS = 16
TIP_NAMES = tuple(f"{side}_{finger}_tip" for side in ("left", "right") for finger in FINGERS)
_BODY = JOINT_NAMES[:22]


def _hand(side: str) -> tuple[str, ...]:
    return tuple(f"{side}_{finger}{k}" for finger in FINGERS for k in (1, 2, 3))


_JOINTS = (*_BODY, "jaw", "left_eye", "right_eye", *_hand("left"), *_hand("right"))
#: Finger tips, and points spread over the front of the face.
_POINTS = (*TIP_NAMES, *(f"face{i}" for i in range(NUM_FACE_POINTS)))
_INDEX = {name: i for i, name in enumerate(_JOINTS + _POINTS)}


def _parent(name: str) -> int:
    if name in _BODY:
        return JOINT_PARENTS[_INDEX[name]]
    if name in ("jaw", "left_eye", "right_eye"):
        return _INDEX["head"]
    side, finger = name.split("_")
    return _INDEX[f"{side}_wrist"] if finger.endswith("1") else _INDEX[name] - 1


def _numbers(*names: str) -> tuple[int, ...]:
    return tuple(_INDEX[name] for name in names)


def _on_part(part: str) -> tuple[int, ...]:
    if part == "face":
        return _numbers(*(name for name in _POINTS if name.startswith("face")))
    side = part.removesuffix("_hand")
    return _numbers(f"{side}_wrist", *_hand(side), *(f"{side}_{finger}_tip" for finger in FINGERS))


SMPLX = Skeleton(
    "smplx",
    _JOINTS,
    tuple(_parent(name) for name in _JOINTS),
    _POINTS,
    parts={part: _on_part(part) for part in PART_NAMES[1:]},
    part_joints={
        "body": tuple(range(22)),
        "left_hand": _numbers(*_hand("left")),
        "right_hand": _numbers(*_hand("right")),
        "face": _numbers("jaw"),
    },
    # Of the face: of the whole head, as FLAME's vertices are.
    part_owners={
        "left_hand": _numbers("left_wrist", *_hand("left")),
        "right_hand": _numbers("right_wrist", *_hand("right")),
        "face": _numbers("head", "jaw", "left_eye", "right_eye"),
    },
    part_root={"left_hand": _INDEX["left_wrist"], "right_hand": _INDEX["right_wrist"], "face": _INDEX["neck"]},
)
#: Which joint of SMPL-X turns as each of SMPL's 24 does: SMPL's hand joint as the root of the middle finger.
SMPLX_JOINT_OF_SMPL = (*range(22), *_numbers("left_middle1", "right_middle1"))
#: Which of SMPL's 24 joints moves what each of SMPL-X's 55 does: jaw and eyes the head, every finger the hand joint.
SMPL_OWNER_OF_SMPLX = (*range(22), 15, 15, 15, *[22] * 15, *[23] * 15)
