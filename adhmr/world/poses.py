"""Plausible, correlated poses without any motion capture.

A limb is described by where its two bones point in the trunk's frame (x to the body's left, y up, z to its front); elbows
and knees are hinges, so the two directions fix shoulder, hip, elbow and knee at once. A gesture is a mean for all limbs,
spine and head together, which is what makes the parts depend on each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from roma import rotmat_to_rotvec, rotvec_to_rotmat
from torch import Tensor

from hmr.body import chain_positions, global_rotations
from hmr.skeleton import JOINT_NAMES, KEYPOINT_NAMES, KEYPOINT_PARENTS, NUM_TWISTS
from hmr.skinned_body import SkinnedBody

_JOINT = {name: i - 1 for i, name in enumerate(JOINT_NAMES)}  # slot in R_parent_joint
_POINT = {name: i for i, name in enumerate(KEYPOINT_NAMES)}
Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Gesture:
    """Mean directions of upper arm and forearm (written for the left side, x mirrored for the right), of thigh and shin,
    the bend of the spine (forward, to the left, turn; radians) and of the head; and how much everything varies."""

    weight: float
    left_arm: tuple[Vector, Vector] = ((0.25, -1, 0.0), (0.15, -1, 0.25))
    right_arm: tuple[Vector, Vector] = ((0.25, -1, 0.0), (0.15, -1, 0.25))
    left_leg: tuple[Vector, Vector] = ((0.1, -1, 0.05), (0.05, -1, -0.05))
    right_leg: tuple[Vector, Vector] = ((0.1, -1, 0.05), (0.05, -1, -0.05))
    spine: Vector = (0.05, 0.0, 0.0)
    head: Vector = (0.0, 0.0, 0.0)
    arm_sigma: float = 0.22
    leg_sigma: float = 0.12


GESTURES: dict[str, Gesture] = {
    "standing": Gesture(2.0),
    "walking": Gesture(
        2.0,
        left_arm=((0.2, -1, -0.35), (0.15, -0.9, 0.2)),
        right_arm=((0.2, -1, 0.45), (0.1, -0.6, 0.8)),
        left_leg=((0.05, -1, 0.5), (0.05, -1, 0.15)),
        right_leg=((0.05, -1, -0.2), (0.05, -0.8, -0.6)),
        leg_sigma=0.2,
    ),
    "phone": Gesture(1.0, left_arm=((0.55, -0.8, 0.4), (-0.3, 0.9, 0.35)), head=(0.1, 0.2, 0.1), arm_sigma=0.15),
    "reading": Gesture(
        1.0,
        left_arm=((0.2, -1, 0.3), (-0.15, -0.1, 1)),
        right_arm=((0.2, -1, 0.3), (-0.15, -0.1, 1)),
        head=(0.4, 0, 0),
        arm_sigma=0.15,
    ),
    "arms folded": Gesture(
        1.0,
        left_arm=((0.3, -1, 0.35), (-0.85, 0.05, 0.6)),
        right_arm=((0.3, -1, 0.35), (-0.85, 0.15, 0.6)),
        arm_sigma=0.12,
    ),
    "hands on hips": Gesture(
        1.0,
        left_arm=((0.9, -0.75, -0.25), (-0.65, -0.7, 0.4)),
        right_arm=((0.9, -0.75, -0.25), (-0.65, -0.7, 0.4)),
        arm_sigma=0.15,
    ),
    "pointing": Gesture(
        1.2, left_arm=((0.35, 0.0, 1), (0.3, 0.1, 1)), spine=(0.0, 0.0, -0.15), head=(0, 0, 0.3), arm_sigma=0.3
    ),
    "waving": Gesture(1.2, left_arm=((0.9, 0.3, 0.2), (0.2, 1, 0.15)), head=(0, 0.1, 0.15), arm_sigma=0.3),
    "cheering": Gesture(
        1.0,
        left_arm=((0.6, 0.9, 0.1), (0.3, 1, 0.1)),
        right_arm=((0.6, 0.9, 0.1), (0.3, 1, 0.1)),
        head=(-0.2, 0, 0),
        arm_sigma=0.3,
    ),
    "stretching out": Gesture(
        1.0,
        left_arm=((1, 0.05, 0.1), (1, 0.1, 0.2)),
        right_arm=((1, 0.05, 0.1), (1, 0.1, 0.2)),
        left_leg=((0.35, -1, 0.0), (0.3, -1, 0)),
        right_leg=((0.35, -1, 0.0), (0.3, -1, 0)),
        arm_sigma=0.35,
    ),
    "crouching": Gesture(
        1.2,
        left_arm=((0.3, -0.7, 0.7), (0.0, -0.4, 0.9)),
        right_arm=((0.3, -0.7, 0.7), (0.0, -0.4, 0.9)),
        left_leg=((0.4, -0.35, 1), (0.15, -1, -0.45)),
        right_leg=((0.4, -0.35, 1), (0.15, -1, -0.45)),
        spine=(0.5, 0, 0),
        head=(-0.3, 0, 0),
        arm_sigma=0.3,
        leg_sigma=0.2,
    ),
    "sitting": Gesture(
        1.0,
        left_arm=((0.25, -0.9, 0.4), (-0.1, -0.35, 0.9)),
        right_arm=((0.25, -0.9, 0.4), (-0.1, -0.35, 0.9)),
        left_leg=((0.25, -0.15, 1), (0.08, -1, 0.05)),
        right_leg=((0.25, -0.15, 1), (0.08, -1, 0.05)),
        spine=(0.12, 0, 0),
        leg_sigma=0.15,
    ),
    "kicking": Gesture(
        1.0,
        left_arm=((0.8, -0.5, -0.3), (0.6, -0.4, 0.5)),
        right_arm=((0.8, -0.4, 0.4), (0.4, -0.2, 0.9)),
        left_leg=((0.15, -0.5, 0.9), (0.1, -0.8, 0.5)),
        spine=(-0.1, 0, 0.2),
        arm_sigma=0.35,
        leg_sigma=0.25,
    ),
    "bowing": Gesture(
        0.8,
        left_arm=((0.2, -0.8, 0.6), (0.05, -0.8, 0.7)),
        right_arm=((0.2, -0.8, 0.6), (0.05, -0.8, 0.7)),
        left_leg=((0.1, -1, 0.2), (0.05, -1, -0.25)),
        right_leg=((0.1, -1, 0.2), (0.05, -1, -0.25)),
        spine=(0.95, 0, 0),
        head=(-0.1, 0, 0),
        arm_sigma=0.25,
    ),
}


def _unit(v: Tensor) -> Tensor:
    return torch.nn.functional.normalize(v, dim=-1)


def _frame_from(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Part of ``second`` orthogonal to ``first`` (unit), and the angle between the two."""
    first, second = _unit(first), _unit(second)
    cosine = (first * second).sum(-1, keepdim=True)
    orthogonal = second - cosine * first
    return _unit(orthogonal), torch.atan2(orthogonal.norm(dim=-1), cosine[..., 0])


def arm_rotations(upper: Tensor, fore: Tensor, side: float) -> tuple[Tensor, Tensor]:
    """Shoulder and elbow matrices (n, 3, 3) from directions (n, 3); side is +1 for the left arm (rest along +x), -1 right."""
    e3, angle = _frame_from(upper, fore)
    e1 = side * _unit(upper)
    shoulder = torch.stack([e1, torch.linalg.cross(e3, e1), e3], dim=-1)
    return shoulder, _about("y", -side * angle)


def leg_rotations(thigh: Tensor, shin: Tensor) -> tuple[Tensor, Tensor]:
    """Hip and knee matrices from directions; the rest leg points down and a knee bends backwards only."""
    back, angle = _frame_from(thigh, shin)
    # A shin that would bend forwards, or a nearly straight leg, keeps its knee cap to the front.
    front = _unit(torch.tensor([0.0, 0.0, 1.0]) - thigh * _unit(thigh)[..., 2:])
    wrong = ((back * front).sum(-1) > 0) & (_unit(thigh)[..., 2] < 0.8)
    back = torch.where(wrong[..., None], -front, back)
    e2, e3 = -_unit(thigh), -back
    e3 = _unit(e3 - (e3 * e2).sum(-1, keepdim=True) * e2)
    hip = torch.stack([torch.linalg.cross(e2, e3), e2, e3], dim=-1)
    return hip, _about("x", angle)


def _about(axis: str, angle: Tensor) -> Tensor:
    rotvec = torch.zeros(*angle.shape, 3)
    rotvec[..., "xyz".index(axis)] = angle
    return rotvec_to_rotmat(rotvec)


@dataclass(frozen=True)
class Spread:
    """How far n poses go from their gestures: of limbs' directions (arms, legs (n, 1)), and times the bends of spine and head."""

    arms: Tensor
    legs: Tensor
    bend: Tensor

    @classmethod
    def of_gestures(cls, gestures: np.ndarray) -> Spread:
        """As the table says: upright people who do what people do."""
        table = list(GESTURES.values())
        arms, legs = (torch.tensor([[getattr(table[g], f)] for g in gestures]) for f in ("arm_sigma", "leg_sigma"))
        return cls(arms, legs, torch.ones(len(gestures), 1))

    @classmethod
    def wide(cls, rng: np.random.Generator, count: int) -> Spread:
        """Athletes: a little, far, and very far from the gestures (a third each)."""
        arms, legs, bend = torch.tensor([(0.35, 0.3, 1.3), (0.6, 0.5, 2.2), (0.9, 0.8, 3.2)])[
            torch.from_numpy(rng.integers(3, size=count))
        ].unbind(1)
        return cls(arms[:, None], legs[:, None], bend[:, None])

    def __getitem__(self, rows: Tensor) -> Spread:
        return Spread(self.arms[rows], self.legs[rows], self.bend[rows])


def _draw(rng: np.random.Generator, gestures: np.ndarray, spread: Spread) -> tuple[Tensor, np.ndarray]:
    """One pose (n, 23, 3, 3) for each gesture index, and whether its sides are swapped (n,)."""
    table = list(GESTURES.values())
    n = len(gestures)
    mirrored = torch.from_numpy(rng.random(n) < 0.5)

    def gather(read) -> Tensor:
        return torch.tensor([read(table[g]) for g in gestures], dtype=torch.float32)

    def noise(sigma: Tensor, *shape: int) -> Tensor:
        return torch.from_numpy(rng.standard_normal((n, *shape)).astype(np.float32)) * sigma

    arms = {s: gather(lambda g, s=s: getattr(g, f"{s}_arm")) for s in ("left", "right")}
    legs = {s: gather(lambda g, s=s: getattr(g, f"{s}_leg")) for s in ("left", "right")}
    spine, head = gather(lambda g: g.spine), gather(lambda g: g.head)

    def swapped(pair: dict[str, Tensor]) -> dict[str, Tensor]:
        flag = mirrored[:, None, None]
        return {
            "left": torch.where(flag, pair["right"], pair["left"]),
            "right": torch.where(flag, pair["left"], pair["right"]),
        }

    arms, legs = swapped(arms), swapped(legs)
    flip = torch.where(mirrored, -1.0, 1.0)[:, None] * torch.tensor([0.0, 1.0, 1.0]) + torch.tensor([1.0, 0.0, 0.0])
    spine = spine * flip + noise(torch.tensor([0.10, 0.08, 0.12]) * spread.bend, 3)
    head = (
        head * flip
        + 0.3 * spine * torch.tensor([-1.0, -1.0, 1.0])
        + noise(torch.tensor([0.15, 0.10, 0.30]) * spread.bend.sqrt(), 3)
    )

    R = torch.eye(3).expand(n, NUM_TWISTS, 3, 3).clone()
    bend = (
        torch.stack([spine[:, 0], spine[:, 2], -spine[:, 1]], -1) / 3
    )  # about x: forward; about y: turn; about z: side
    for joint in ("spine1", "spine2", "spine3"):
        R[:, _JOINT[joint]] = rotvec_to_rotmat(bend)
    nod = torch.stack([head[:, 0], head[:, 2], -head[:, 1]], -1) / 2
    R[:, _JOINT["neck"]] = R[:, _JOINT["head"]] = rotvec_to_rotmat(nod)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        mirror = torch.tensor([sign, 1.0, 1.0])
        upper = _unit((arms[side][:, 0] + noise(spread.arms, 3)) * mirror)
        fore = _unit((arms[side][:, 1] + noise(spread.arms, 3)) * mirror)
        collar = rotvec_to_rotmat(torch.tensor([0.0, 0.0, sign]) * (0.25 * upper[:, 1:2].clamp(-0.4, 1.0)))
        shoulder, elbow = arm_rotations(upper, fore, sign)
        R[:, _JOINT[f"{side}_collar"]] = collar
        R[:, _JOINT[f"{side}_shoulder"]] = collar.transpose(-1, -2) @ shoulder
        R[:, _JOINT[f"{side}_elbow"]] = elbow
        R[:, _JOINT[f"{side}_wrist"]] = rotvec_to_rotmat(noise(torch.tensor([0.35, 0.15, 0.25]), 3))
        R[:, _JOINT[f"{side}_hand"]] = rotvec_to_rotmat(noise(torch.tensor([0.05, 0.05, 0.25]), 3))
        thigh = _unit((legs[side][:, 0] + noise(spread.legs, 3)) * mirror)
        shin = _unit((legs[side][:, 1] + noise(spread.legs, 3)) * mirror)
        hip, knee = leg_rotations(thigh, shin)
        R[:, _JOINT[f"{side}_hip"]], R[:, _JOINT[f"{side}_knee"]] = hip, knee
        R[:, _JOINT[f"{side}_ankle"]] = rotvec_to_rotmat(noise(torch.tensor([0.18, 0.12, 0.08]), 3))
        R[:, _JOINT[f"{side}_foot"]] = rotvec_to_rotmat(noise(torch.tensor([0.08, 0.02, 0.02]), 3))
    return R, mirrored.numpy()


def collides(R_parent_joint: Tensor, rest: Tensor) -> Tensor:
    """(n,) True where a hand or an elbow is inside the trunk or the head, or the legs cross through each other."""
    eye = torch.eye(3).expand(len(R_parent_joint), 3, 3)
    points = chain_positions(global_rotations(eye, R_parent_joint), rest, KEYPOINT_PARENTS)

    def inside(point: str, low: str, high: str, radius: float) -> Tensor:
        p, a, b = points[:, _POINT[point]], points[:, _POINT[low]], points[:, _POINT[high]]
        t = (((p - a) * (b - a)).sum(-1) / (b - a).square().sum(-1)).clamp(0, 1)
        return (p - a - t[:, None] * (b - a)).norm(dim=-1) < radius

    bad = torch.zeros(len(points), dtype=torch.bool)
    for side in ("left", "right"):
        for point in (f"{side}_wrist", f"{side}_hand", f"{side}_middle_tip"):
            bad |= inside(point, "pelvis", "spine3", 0.15) | inside(point, "spine3", "neck", 0.12)
            bad |= inside(point, "head", "head_top", 0.10)
        bad |= inside(f"{side}_elbow", "pelvis", "spine3", 0.14)
        other = "right" if side == "left" else "left"
        for point in (f"{side}_knee", f"{side}_ankle"):
            bad |= inside(point, f"{other}_hip", f"{other}_knee", 0.11)
            bad |= inside(point, f"{other}_knee", f"{other}_ankle", 0.10)
        for point in (f"{side}_hand", f"{side}_wrist"):
            for leg in ("left", "right"):
                bad |= inside(point, f"{leg}_hip", f"{leg}_knee", 0.09)
    return bad | inside("left_wrist", "right_elbow", "right_wrist", 0.06)


@dataclass(frozen=True)
class Poses:
    """R_parent_joint (n, 23, 3, 3); gesture (n,) index into GESTURES; mirrored (n,): the right arm does what is written for the
    left one."""

    R_parent_joint: Tensor
    gesture: np.ndarray
    mirrored: np.ndarray


def sample_poses(rng: np.random.Generator, count: int, model: SkinnedBody, tries: int = 6, wide: bool = False) -> Poses:
    """Poses that collide are drawn again, ``tries`` times. wide: of athletes as well as of everyday gestures."""
    weights = np.array([g.weight for g in GESTURES.values()])
    gestures = rng.choice(len(weights), size=count, p=weights / weights.sum())
    spread = Spread.wide(rng, count) if wide else Spread.of_gestures(gestures)
    rest = model.rest_keypoints(torch.zeros(10))
    R, mirrored = _draw(rng, gestures, spread)
    for _ in range(tries):
        bad = torch.nonzero(collides(R, rest))[:, 0]
        if len(bad) == 0:
            break
        R[bad], mirrored[bad.numpy()] = _draw(rng, gestures[bad.numpy()], spread[bad])
    return Poses(R, gestures, mirrored)


def pulled_to_rest(R_parent_joint: Tensor, joints: list[str], factor: float) -> Tensor:
    """Shrink the rotation of some joints towards the rest pose, as an over-strong pose prior does."""
    slots = [_JOINT[name] for name in joints]
    out = R_parent_joint.clone()
    out[:, slots] = rotvec_to_rotmat(factor * rotmat_to_rotvec(R_parent_joint[:, slots]))
    return out
