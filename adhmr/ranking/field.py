"""The field of a ranking: all candidates of all pictures, whoever made them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from hmr.body import BodyModel
from hmr.displacement import uvd_of
from hmr.formats.candidate_crop import is_in_picture, uvd_in_crop
from hmr.formats.person_candidate import PersonCandidate, Unreadable
from hmr.hypotheses import Hypotheses
from hmr.photographs.people import Person, crops
from hmr.photographs.read import read_photograph
from hmr.samples import Samples
from hmr.skeleton import NUM_KEYPOINTS

SAME_PERSON_IOU = 0.4


@dataclass(frozen=True)
class Entry:
    """model: who made it. candidate: its number among that model's for the picture. where: file and row."""

    model: str
    candidate: int
    where: str


@dataclass(frozen=True)
class Field:
    """entries[i][k] names candidate k of picture i; uvd (b, n, 29, 3), known (b, n, 29). Rows are padded with candidates of
    which nothing is known."""

    samples: Samples
    uvd: Tensor
    known: Tensor
    entries: tuple[tuple[Entry, ...], ...]

    @property
    def models(self) -> list[str]:
        """In the order of their first appearance."""
        return list(dict.fromkeys(entry.model for row in self.entries for entry in row))


def _padded(rows: list[list[tuple[Entry, Tensor, Tensor]]], samples: Samples) -> Field:
    n = max(len(row) for row in rows)
    uvd = torch.zeros(len(rows), n, NUM_KEYPOINTS, 3)
    known = torch.zeros(len(rows), n, NUM_KEYPOINTS, dtype=torch.bool)
    for i, row in enumerate(rows):
        for k, (_, points, given) in enumerate(row):
            uvd[i, k], known[i, k] = points, given
    return Field(samples, uvd, known, tuple(tuple(entry for entry, _, _ in row) for row in rows))


def field_of_hypotheses(
    samples: Samples, files: dict[str, Hypotheses], body: BodyModel
) -> tuple[Field, list[Unreadable]]:
    """files: name of a model to its candidates for pictures of ``samples``, by key. Pictures without candidates are left out;
    a candidate for a picture that is not there, or a second one of the same key, is listed.

    Raises ValueError when nothing is left to rank.
    """
    place = {key: i for i, key in enumerate(samples.key)}
    rows: list[list[tuple[Entry, Tensor, Tensor]]] = [[] for _ in samples.key]
    left_out: list[Unreadable] = []
    everything = torch.ones(NUM_KEYPOINTS, dtype=torch.bool)
    for model, hypotheses in files.items():
        uvd = uvd_of(hypotheses.params, hypotheses.K, samples.size, body)
        taken: set[str] = set()
        for i, key in enumerate(hypotheses.key):
            if key not in place or key in taken:
                reason = "comes twice in this file" if key in taken else "there is no such picture"
                left_out.append(Unreadable(f"{model}, row {i} ({key})", reason))
                continue
            taken.add(key)
            rows[place[key]] += [
                (Entry(model, k, f"{model}, row {i}"), uvd[i, k], everything) for k in range(hypotheses.count)
            ]
    kept = [i for i, row in enumerate(rows) if row]
    if not kept:
        raise ValueError("no candidate belongs to any of the pictures; are these the files' pictures?")
    return _padded([rows[i] for i in kept], samples[kept]), left_out


def overlap(a: Tensor, b: Tensor) -> float:
    """Intersection over union of two boxes x0 y0 x1 y1."""
    inside = (torch.minimum(a[2:], b[2:]) - torch.maximum(a[:2], b[:2])).clamp_min(0).prod()
    union = (a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - inside
    return float(inside / union.clamp_min(1e-9))


def people_by_overlap(candidates: list[PersonCandidate]) -> list[list[PersonCandidate]]:
    """Candidates of one photograph, grouped: those whose boxes overlap the first one's of a group are of the same person."""
    groups: list[tuple[Tensor, list[PersonCandidate]]] = []
    for candidate in candidates:
        box = candidate.box_xyxy()
        best = max(groups, key=lambda group: overlap(group[0], box), default=None)
        if best is not None and overlap(best[0], box) >= SAME_PERSON_IOU:
            best[1].append(candidate)
        else:
            groups.append((box, [candidate]))
    return [group for _, group in groups]


def field_of_people(images: Path, candidates: list[PersonCandidate], size: int) -> tuple[Field, list[Unreadable]]:
    """Candidates of people in photographs. Each group of overlapping bodies is a person, cropped around their joint box.

    Raises ValueError when nothing is left to rank.
    """
    parts: list[Samples] = []
    rows: list[list[tuple[Entry, Tensor, Tensor]]] = []
    left_out: list[Unreadable] = []
    for name in dict.fromkeys(candidate.image for candidate in candidates):
        of_image = [candidate for candidate in candidates if candidate.image == name]
        try:
            photograph = read_photograph(images / name)
        except ValueError as error:
            left_out += [Unreadable(candidate.where, str(error)) for candidate in of_image]
            continue
        h, w = photograph.shape[:2]
        inside = [c for c in of_image if is_in_picture(c.box_xyxy(), w, h)]
        left_out += [Unreadable(c.where, f"is outside the {w} x {h} picture") for c in of_image if c not in inside]
        for number, group in enumerate(people_by_overlap(inside)):
            boxes = torch.stack([candidate.box_xyxy() for candidate in group])
            box = (*boxes[:, :2].median(0).values.tolist(), *boxes[:, 2:].median(0).values.tolist())
            sample, K = crops(photograph, [Person(f"{Path(name).stem}-{number:02d}", box)], size, None)
            A = sample.K[0] @ torch.linalg.inv(K)
            counts: dict[str, int] = {}
            row = []
            for candidate in group:
                number_of_model = counts.get(candidate.model, 0)
                counts[candidate.model] = number_of_model + 1
                entry = Entry(candidate.model, number_of_model, candidate.where)
                row.append((entry, uvd_in_crop(candidate, A, size), candidate.known))
            parts.append(sample)
            rows.append(row)
    if not rows:
        raise ValueError(f"no candidate belongs to a photograph of {images}; {len(left_out)} were left out")
    return _padded(rows, Samples.cat(parts)), left_out
