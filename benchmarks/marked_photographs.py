"""Photographs whose people humans marked, as benchmarks read them; and how close bodies come to the marks.

LSPET is a folder with images/ and validation.npz, test.npz (image, keypoints (n, 14, 3) x, y, visible, names, size_wh). Any
COCO keypoint json serves as well, with the folder of its photographs.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from adhmr.figures import Figure, bootstrap
from adhmr.mark_distance import mark_distance
from hmr.camera import Camera, default_K, square_crop_affine
from hmr.keypoint_sets import LSP_14, PROMPT_POINTS, Keypoints
from hmr.photographs.folder import Photographs
from hmr.photographs.people import read_people
from hmr.views import Prompts, Views


@dataclass(frozen=True)
class MarkedPeople:
    """n people; px (n, 24, 3) where humans marked ``PROMPT_POINTS``, in the photograph's pixels; 0: not marked."""

    name: tuple[str, ...]
    px: Tensor
    size_wh: Tensor

    def __len__(self) -> int:
        return len(self.name)

    @property
    def side(self) -> Tensor:
        """(n,) longer side of the marks' box, pixels."""
        box = self.boxes()
        return (box[:, 2:] - box[:, :2]).amax(-1)

    def boxes(self) -> Tensor:
        """(n, 4) x0, y0, x1, y1 of what is marked."""
        there = self.px[..., 2:] > 0
        low = torch.where(there, self.px[..., :2], torch.inf).amin(1)
        high = torch.where(there, self.px[..., :2], -torch.inf).amax(1)
        return torch.cat([low, high], -1)

    def __getitem__(self, rows: slice) -> MarkedPeople:
        return MarkedPeople(self.name[rows], self.px[rows], self.size_wh[rows])

    def first(self, most: int | None) -> MarkedPeople:
        """The first so many; None: all."""
        return self[:most]

    def without(self, count: int, seed: int) -> tuple[MarkedPeople, Tensor]:
        """Without ``count`` marks of each person, and which (n, 24) those are."""
        order = torch.rand(self.px.shape[:2], generator=torch.Generator().manual_seed(seed))
        order = order.masked_fill(self.px[..., 2] <= 0, 2.0).argsort(1)
        gone = torch.zeros(self.px.shape[:2], dtype=torch.bool).scatter_(1, order[:, :count], True)
        gone &= self.px[..., 2] > 0
        return MarkedPeople(self.name, self.px * ~gone[..., None], self.size_wh), gone


def limbs() -> Tensor:
    """(24,) LSP's twelve joints of limbs."""
    out = torch.zeros(len(PROMPT_POINTS), dtype=torch.bool)
    out[LSP_14.taken_to(PROMPT_POINTS)[1][:12]] = True
    return out


def read_lspet(folder: Path, split: str, fewest: int = 6) -> MarkedPeople:
    """People with at least ``fewest`` visible marks."""
    arrays = np.load(folder / f"{split}.npz")
    marks = arrays["keypoints"].astype(np.float32)
    px = np.stack([Keypoints.read(LSP_14, one).taken_to(PROMPT_POINTS).px for one in marks])
    # What LSP does not mark is not made up of what it does.
    px[:, PROMPT_POINTS.place["mid_hip"]] = 0
    kept = (px[..., 2] > 0).sum(1) >= fewest
    names = tuple(str(name) for name in arrays["image"][kept])
    return MarkedPeople(names, torch.from_numpy(px[kept]), torch.from_numpy(arrays["size_wh"][kept]).long())


def read_coco(path: Path, images: Path, fewest: int = 6) -> MarkedPeople:
    """People of a COCO keypoint json with at least ``fewest`` marks, crowds left out; hidden marks have confidence 0.5.

    Raises ValueError for a file that is not COCO's, and where it has nobody.
    """
    photographs = Photographs.at(images)
    file = read_people(path, photographs, with_keypoints=True)
    names, px, sizes = [], [], []
    for name in file.photographs:
        photograph = photographs.read(name)
        for person in file.people_of(name, name, photograph)[0]:
            if person.keypoints is not None and person.keypoints.count >= fewest:
                names.append(name)
                px.append(person.keypoints.taken_to(PROMPT_POINTS).px)
                sizes.append((photograph.shape[1], photograph.shape[0]))
    if not names:
        raise ValueError(f"{path}: expected people with {fewest} marks or more in {images}, it has none")
    marks = np.stack(px)
    # COCO marks neither; made of hips and shoulders they would tell of those that are withheld.
    marks[:, [PROMPT_POINTS.place["mid_hip"], PROMPT_POINTS.place["neck"]]] = 0
    return MarkedPeople(tuple(names), torch.from_numpy(marks), torch.tensor(sizes))


def views_of(people: MarkedPeople, size: int, enlarge: float, prompts: Tensor | None = None) -> Views:
    """Crops about the marks with the marks (or others (n, 24, 3), in the photographs' pixels) as prompts; the pictures are black,
    since a prompted generator does not look at them."""
    A = square_crop_affine(people.boxes() + torch.tensor([-1.0, -1.0, 1.0, 1.0]), size, enlarge)
    K = torch.stack([default_K(int(w), int(h)) for w, h in people.size_wh])
    px = people.px if prompts is None else prompts
    in_crop = torch.cat([px[..., :2] @ A[:, :2, :2].transpose(1, 2) + A[:, None, :2, 2], px[..., 2:]], -1)
    black = torch.zeros(1, 3, size, size, dtype=torch.uint8).expand(len(people), -1, -1, -1)
    key = tuple(f"{i:05d} {name}" for i, name in enumerate(people.name))
    return Views(key, black, Camera(K, people.size_wh), A, Prompts(in_crop * (px[..., 2:] > 0)))


def off(points_cam: Tensor, people: MarkedPeople) -> Tensor:
    """Points (n, 24, 3) in the cameras' frames: how far (n, 24) they are from the humans' marks, in sides of the marks' box; NaN
    where there is none."""
    K = torch.stack([default_K(int(w), int(h)) for w, h in people.size_wh])
    return mark_distance(points_cam, K, people.px, people.side)


def share(right: np.ndarray, of: np.ndarray) -> np.ndarray:
    """In %, of counts (..., n) of n people."""
    return 100 * right.sum(-1) / of.sum(-1)


def pck(distance: Tensor, within: float) -> Figure:
    """Share in % of all marks (n, k) within a distance; NaN where there is none."""
    known = ~distance.isnan()
    hit = ((distance <= within) & known).sum(1).double()
    return bootstrap(share, hit.numpy(), known.sum(1).double().numpy())
