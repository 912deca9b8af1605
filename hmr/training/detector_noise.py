"""What a detector, or a human, would mark of people whose points are known."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from hmr.keypoint_sets import BLAZEPOSE_33, COCO_17, LSP_14, OPENPOSE_25, PROMPT_POINTS, KeypointSet
from hmr.training.batch_random import BatchRandom
from hmr.training.config import DetectorNoise

_PLACE = PROMPT_POINTS.place
_MIRRORED = PROMPT_POINTS.mirrored
_FIRST_OF_PAIR = [min(i, mirrored) for i, mirrored in enumerate(_MIRRORED)]
#: Wrists and hips are marked less well than the rest.
_HARDER = torch.ones(len(PROMPT_POINTS))
_HARDER[[_PLACE[p] for p in ("left_wrist", "right_wrist")]] = 1.2
_HARDER[[_PLACE[p] for p in ("left_hip", "right_hip", "mid_hip")]] = 1.5
_FACE = [_PLACE[p] for p in ("nose", "left_eye", "right_eye", "left_ear", "right_ear")]
_LEGS = [i for point, i in _PLACE.items() if any(part in point for part in ("knee", "ankle", "toe", "heel"))]


def _has(of: KeypointSet) -> Tensor:
    has = torch.zeros(len(PROMPT_POINTS), dtype=torch.bool)
    has[of.taken_to(PROMPT_POINTS)[1]] = True
    return has


#: Which points somebody marks at all, and how often such a set is met.
_SETS = torch.stack([_has(s) for s in (COCO_17, LSP_14, BLAZEPOSE_33, OPENPOSE_25, PROMPT_POINTS)])
_SET_SHARES = torch.tensor([0.45, 0.2, 0.15, 0.1, 0.1])


def detected(uv: Tensor, inside: Tensor, noise: DetectorNoise, random: BatchRandom) -> Tensor:
    """Points uv (b, 24, 2) and whether they are in the photograph (b, 24) to marks (b, 24, 3): u, v, confidence (0: none)."""
    b, k = inside.shape
    person, point = random.uniform(b, 12), random.uniform(b, k, 6)
    hidden = _hidden(uv, inside, person, point)
    sigma, human = _sigma(noise, person, random.normal(b, k))
    off = sigma * torch.where(hidden, 3.0, 1.0)
    marks = uv + off[..., None] * _student_t(random, b, k)
    anywhere = point[..., 0] < noise.gross
    marks = torch.where(anywhere[..., None], 2.4 * point[..., 1:3] - 1.2, marks)
    confidence = _confidence(off, human, hidden, random.normal(b, k))
    gone = _gone(noise, person, point, hidden, inside)
    marks, confidence = _swapped(marks, confidence, noise, person[:, 0], point[..., 5])
    confidence = torch.where(gone, 0.0, confidence)
    return torch.cat([marks * (confidence > 0)[..., None], confidence[..., None]], -1)


def _hidden(uv: Tensor, inside: Tensor, person: Tensor, point: Tensor) -> Tensor:
    """A few points at random, or all in a disc: something stands before them. What is outside is hidden too."""
    at_random = point[..., 3] < 0.25 * person[:, 1:2].square()
    centre, radius = 2 * person[:, 2:4] - 1, 0.15 + 0.45 * person[:, 4]
    disc = ((uv - centre[:, None]).norm(dim=-1) < radius[:, None]) & (person[:, 5:6] < 0.25)
    return at_random | disc | ~inside


def _sigma(noise: DetectorNoise, person: Tensor, normal: Tensor) -> tuple[Tensor, Tensor]:
    """(b, k) how far marks are off, and whether a human made them (b, 1)."""
    low, high = (math.log(s) for s in noise.sigma)
    human = person[:, 6:7] < noise.human
    of_person = (low + (high - low) * person[:, 7:8]).exp()
    of_person = torch.where(human, of_person.clamp_max(noise.human_sigma), of_person)
    # A crop is two units wide.
    return 2 * of_person * _HARDER.to(normal) * (0.4 * normal).exp(), human


def _student_t(random: BatchRandom, b: int, k: int) -> Tensor:
    """(b, k, 2) with three degrees of freedom: most are near, some far."""
    normal = random.normal(b, k, 5)
    return normal[..., :2] / (normal[..., 2:].square().mean(-1, keepdim=True)).sqrt().clamp_min(0.15)


def _confidence(off: Tensor, human: Tensor, hidden: Tensor, normal: Tensor) -> Tensor:
    """Of a detector it falls with how far it is off; a human says 1, or 0.5 of what is hidden."""
    of_detector = ((-off / 0.12) + 0.15 * normal).exp().clamp(0.05, 1.0)
    return torch.where(human, torch.where(hidden, 0.5, 1.0), of_detector)


def _gone(noise: DetectorNoise, person: Tensor, point: Tensor, hidden: Tensor, inside: Tensor) -> Tensor:
    """(b, k) which points are not marked."""
    of_set = torch.bucketize(person[:, 8].contiguous(), _SET_SHARES.cumsum(0)[:-1].to(person))
    gone = ~_SETS.to(person.device)[of_set]
    gone |= hidden & (point[..., 4] < noise.hidden_missing)
    gone |= ~inside & (point[..., 4] < 0.9)
    withheld = noise.missing + (person[:, 9:10] < noise.withheld) * person[:, 10:11] / 3
    gone |= point[..., 5] < withheld
    upper_only, no_face = person[:, 11] < 0.04, person[:, 11] > 0.88
    gone[:, _LEGS] |= upper_only[:, None]
    gone[:, _FACE] |= no_face[:, None]
    return gone | (person[:, 5:6] > 1 - noise.nothing)


def _swapped(
    marks: Tensor, confidence: Tensor, noise: DetectorNoise, person: Tensor, point: Tensor
) -> tuple[Tensor, Tensor]:
    """Left taken for right: of a whole person, or of one pair."""
    pair = point[:, _FIRST_OF_PAIR]  # one number for both of a pair
    swap = (person < noise.swapped)[:, None] | (pair > 1 - noise.pair_swapped)
    return (
        torch.where(swap[..., None], marks[:, _MIRRORED], marks),
        torch.where(swap, confidence[:, _MIRRORED], confidence),
    )
