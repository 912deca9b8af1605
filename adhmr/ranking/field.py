"""The field of a ranking: all candidates of all pictures, whoever made them, each under its own camera."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from hmr.body import BodyModel
from hmr.displacement import uvd_of
from hmr.formats.candidate_crop import uvd_in_view, view_of
from hmr.formats.person_candidate import BY_PARAMETERS, PersonCandidate, Unreadable
from hmr.hypotheses import Hypotheses
from hmr.photographs.folder import Photographs, output_names
from hmr.photographs.people import check_box
from hmr.skeleton import NUM_KEYPOINTS
from hmr.views import Views
from scorer.protocol import AnyScorer
from scorer.scores import Scores

SAME_PERSON_IOU = 0.4
#: A ranking of fewer common keypoints says little.
FEWEST_KEYPOINTS = 4


@dataclass(frozen=True)
class Entry:
    """model: who made it. candidate: its number among that model's for the picture. where: file and row. by: what its keypoints
    were made of."""

    model: str
    candidate: int
    where: str
    by: str = BY_PARAMETERS


@dataclass(frozen=True)
class Entrant:
    """A candidate of one picture: uvd and known (29, 3) and (29,) in its own view, whose camera is the candidate's."""

    entry: Entry
    view: Views
    uvd: Tensor
    known: Tensor


@dataclass(frozen=True)
class Field:
    """entrants[i][k] is candidate k of picture i. Those of a picture are compared on the keypoints that all of them have."""

    entrants: tuple[tuple[Entrant, ...], ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """Of the pictures."""
        return tuple(row[0].view.key[0] for row in self.entrants)

    @property
    def entries(self) -> tuple[tuple[Entry, ...], ...]:
        return tuple(tuple(e.entry for e in row) for row in self.entrants)

    @property
    def models(self) -> list[str]:
        """In the order of their first appearance."""
        return list(dict.fromkeys(e.entry.model for row in self.entrants for e in row))

    def __len__(self) -> int:
        return len(self.entrants)

    def common(self, i: int) -> Tensor:
        """(29,) the keypoints that all candidates of picture i have."""
        return torch.stack([e.known for e in self.entrants[i]]).all(0)


def score_field(scorer: AnyScorer, field: Field) -> Scores:
    """Scores (pictures, most candidates); rows are padded with -inf.

    A picture is encoded once for each camera that its candidates are seen by.
    """
    groups: list[tuple[Views, list[tuple[int, int]]]] = []
    for i, row in enumerate(field.entrants):
        of_camera: dict[bytes, tuple[Views, list[tuple[int, int]]]] = {}
        for k, entrant in enumerate(row):
            mark = entrant.view.K.numpy().round(4).tobytes() + entrant.view.A_view_picture.numpy().tobytes()
            of_camera.setdefault(mark, (entrant.view, []))[1].append((i, k))
        groups += of_camera.values()
    most = max(len(places) for _, places in groups)
    uvd, known = torch.zeros(len(groups), most, NUM_KEYPOINTS, 3), torch.zeros(len(groups), most, NUM_KEYPOINTS).bool()
    for g, (_, places) in enumerate(groups):
        for slot, (i, k) in enumerate(places):
            uvd[g, slot], known[g, slot] = field.entrants[i][k].uvd, field.common(i)
    views = Views.cat([view for view, _ in groups])
    views = replace(views, key=tuple(f"{key}#{g}" for g, key in enumerate(views.key)))
    return _by_picture(scorer.score_uvd(views, uvd, known), [places for _, places in groups], field)


def _by_picture(scores: Scores, places: list[list[tuple[int, int]]], field: Field) -> Scores:
    """From rows for each camera to rows for each picture."""
    shape = len(field), max(len(row) for row in field.entrants)

    def gathered(values: Tensor, empty: float) -> Tensor:
        out = torch.full((*shape, *values.shape[2:]), empty)
        for g, of_group in enumerate(places):
            for slot, (i, k) in enumerate(of_group):
                out[i, k] = values[g, slot]
        return out

    low, high = scores.interval_mm
    return Scores(
        key=field.keys,
        value=gathered(scores.value, -torch.inf),
        displacement_mm=gathered(scores.displacement_mm, torch.nan),
        expected_error_mm=gathered(scores.expected_error_mm, torch.nan),
        interval_mm=(gathered(low, torch.nan), gathered(high, torch.nan)),
        gross_probability=gathered(scores.gross_probability, torch.nan),
    )


def field_of_hypotheses(views: Views, files: dict[str, Hypotheses], body: BodyModel) -> tuple[Field, list[Unreadable]]:
    """files: name of a model to its candidates for pictures of ``views``, by key. Pictures without candidates are left out;
    a candidate for a picture that is not there, or a second one of the same key, is listed.

    Raises ValueError when nothing is left to rank.
    """
    place = {key: i for i, key in enumerate(views.key)}
    rows: list[list[Entrant]] = [[] for _ in views.key]
    left_out: list[Unreadable] = []
    everything = torch.ones(NUM_KEYPOINTS, dtype=torch.bool)
    for model, hypotheses in files.items():
        taken: set[str] = set()
        for i, key in enumerate(hypotheses.key):
            if key not in place or key in taken:
                reason = "comes twice in this file" if key in taken else "there is no such picture"
                left_out.append(Unreadable(f"{model}, row {i} ({key})", reason))
                continue
            taken.add(key)
            view = views[[place[key]]]
            uvd = uvd_of(hypotheses.params[i : i + 1], view.K, view.size, body)[0]
            rows[place[key]] += [
                Entrant(Entry(model, k, f"{model}, row {i}"), view, uvd[k], everything) for k in range(len(uvd))
            ]
    kept = [tuple(row) for row in rows if row]
    if not kept:
        raise ValueError("no candidate belongs to any of the pictures; are these the files' pictures?")
    return Field(tuple(kept)), left_out


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


def comparable(row: list[Entrant]) -> tuple[list[Entrant], list[Unreadable]]:
    """Candidates of one picture that have enough keypoints in common; the others are listed."""
    kept, left_out = sorted(row, key=lambda e: -int(e.known.sum())), []
    while len(kept) > 1 and int(torch.stack([e.known for e in kept]).all(0).sum()) < FEWEST_KEYPOINTS:
        odd = kept.pop()
        left_out.append(Unreadable(odd.entry.where, "has too few keypoints in common with the picture's other bodies"))
    places = {id(e) for e in kept}
    return [e for e in row if id(e) in places], left_out


def field_of_people(
    photographs: Photographs, candidates: list[PersonCandidate], size: int
) -> tuple[Field, list[Unreadable]]:
    """Candidates of people in photographs. Each group of overlapping bodies is a person, cropped around their joint box; every
    candidate is seen through the camera that it was made for.

    Raises ValueError when nothing is left to rank.
    """
    rows: list[tuple[Entrant, ...]] = []
    left_out: list[Unreadable] = []
    of_image: dict[str, list[PersonCandidate]] = {}
    for candidate in candidates:
        of_image.setdefault(candidate.image, []).append(candidate)
    keys = output_names(list(of_image))
    for name, several in of_image.items():
        try:
            photograph = photographs.read(name)
        except ValueError as error:
            left_out += [Unreadable(candidate.where, str(error)) for candidate in several]
            continue
        inside = []
        for candidate in several:
            try:
                x0, y0, x1, y1 = candidate.box_xyxy().tolist()
                check_box((x0, y0, x1, y1), photograph.shape[1], photograph.shape[0])
                inside.append(candidate)
            except ValueError as error:
                left_out.append(Unreadable(candidate.where, str(error)))
        for number, group in enumerate(people_by_overlap(inside)):
            boxes = torch.stack([candidate.box_xyxy() for candidate in group])
            box = torch.cat([boxes[:, :2].median(0).values, boxes[:, 2:].median(0).values])
            counts: dict[str, int] = {}
            row = []
            for candidate in group:
                view = view_of(candidate, photograph, box, f"{keys[name]}-{number:02d}", size)
                entry = Entry(candidate.model, counts.get(candidate.model, 0), candidate.where, candidate.by)
                counts[candidate.model] = entry.candidate + 1
                row.append(Entrant(entry, view, uvd_in_view(candidate, view), candidate.known))
            kept, odd = comparable(row)
            left_out += odd
            rows.append(tuple(kept))
    if not rows:
        raise ValueError(f"no candidate belongs to a photograph of {photographs.folder}; {len(left_out)} were left out")
    return Field(tuple(rows)), left_out
