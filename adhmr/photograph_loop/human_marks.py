"""What humans marked of the held-out people, matched to them by photograph and nearest box. It judges; nobody else is told it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from adhmr.photographs.given import GivenPictures
from hmr.keypoint_sets import PROMPT_POINTS, Keypoints
from hmr.photographs.folder import ListedPhotographs, Skipped
from hmr.photographs.keypoint_files import read_keypoints
from hmr.photographs.people import Person
from hmr.views import Views


@dataclass(frozen=True)
class HumanMarks:
    """Of the n held-out people.

    Attributes:
        px: (n, 24, 3) as ``PROMPT_POINTS``, in the pixels of their crops; zeros: nobody marked them.
        people: whom humans marked in the held-out photographs.
        skipped: what of those could not be used.
    """

    px: Tensor
    people: int
    skipped: list[Skipped]

    @property
    def matched(self) -> int:
        return int((self.px[..., 2] > 0).any(1).sum())

    @classmethod
    def of(cls, path: Path, held: GivenPictures, images: Path) -> HumanMarks:
        """path: a file of keypoints, of these photographs or of more. Raises ValueError where it says nothing of any of them."""
        source = read_keypoints(path, ListedPhotographs(images, None, tuple(held.names)))
        rows_of: dict[str, list[int]] = {}
        for row, key in enumerate(held.views.key):
            rows_of.setdefault(held.photograph_of[key], []).append(row)
        px, people, skipped = torch.zeros(len(held.views), len(PROMPT_POINTS), 3), 0, []
        boxes = boxes_in_photograph(held.views)
        for name, rows in rows_of.items():
            w, h = held.views.camera.size_wh[rows[0]].tolist()
            found, left_out = source.people_of(name, name, np.broadcast_to(np.uint8(0), (h, w, 3)))
            marked = [person for person in found if person.keypoints is not None]
            people += len(marked)
            skipped += left_out
            for human, row in matched([_box_of(person) for person in marked], boxes[rows].numpy()):
                keypoints = marked[human].keypoints
                assert keypoints is not None
                px[rows[row]] = _in_crop(_said(keypoints), held.views.A_view_picture[rows[row]])
        if not people:
            raise ValueError(
                f"{path}: says nothing of any of the {len(rows_of)} held-out photographs; is it of others?"
            )
        return cls(px, people, skipped)


def _said(keypoints: Keypoints) -> Tensor:
    """(24, 3) in the photograph's pixels. What they do not mark is not made up of what they do."""
    px = np.zeros((len(PROMPT_POINTS), 3), np.float32)
    here, there = keypoints.of.taken_to(PROMPT_POINTS)
    px[there] = keypoints.px[here]
    return torch.from_numpy(px)


def _in_crop(px: Tensor, A_view_picture: Tensor) -> Tensor:
    xy = px[:, :2] @ A_view_picture[:2, :2].T + A_view_picture[:2, 2]
    return torch.cat([xy * (px[:, 2:] > 0), px[:, 2:]], -1)


def _box_of(person: Person) -> np.ndarray:
    """(4,) x0, y0, x1, y1 of what is marked."""
    assert person.keypoints is not None
    xy = person.keypoints.px[person.keypoints.px[:, 2] > 0, :2]
    return np.concatenate([xy.min(0), xy.max(0)])


def boxes_in_photograph(views: Views) -> Tensor:
    """(n, 4) x0, y0, x1, y1 in the photographs' pixels: of what is marked by what is told of people, else of their crops."""
    n, size = len(views), views.size
    corners = torch.tensor([[0.0, 0, size, size]]).repeat(n, 1)
    if views.prompts is not None:
        px = views.prompts.keypoints_px
        there = px[..., 2:] > 0
        low = torch.where(there, px[..., :2], torch.inf).amin(1)
        high = torch.where(there, px[..., :2], -torch.inf).amax(1)
        enough = there.sum(1) >= 2
        corners = torch.where(enough, torch.cat([low, high], -1), corners)
    A = torch.linalg.inv(views.A_view_picture)
    low, high = (corners[:, None, i : i + 2] @ A[:, :2, :2].transpose(1, 2) + A[:, None, :2, 2] for i in (0, 2))
    return torch.cat([low, high], -1)[:, 0]


def matched(human: list[np.ndarray], ours: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of a human's box (4,) and a row of ours (k, 4) that overlap, each in one pair at most, those that overlap most first:
    of two boxes about one person only the nearer one is judged."""
    overlaps = [(-_overlap(box, other), h, o) for h, box in enumerate(human) for o, other in enumerate(ours)]
    pairs: list[tuple[int, int]] = []
    for less, h, o in sorted(overlaps):
        if less < 0 and h not in (p[0] for p in pairs) and o not in (p[1] for p in pairs):
            pairs.append((h, o))
    return pairs


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union."""
    sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    inside = float(np.prod(sides.clip(0)))
    return inside / max(float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2])) - inside, 1e-9)
