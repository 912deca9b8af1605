"""Gather the candidates of a ranking from files, and show and keep the best of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from adhmr.ranking.field import Entrant, Field, field_of_hypotheses, field_of_people
from hmr.body import BodyModel, BodyParams
from hmr.formats.person_candidate import PersonCandidate, Unreadable
from hmr.formats.read_candidates import read_candidates
from hmr.formats.smpl_parameters import stand_in
from hmr.hypotheses import Hypotheses, load_hypotheses, require_body, save_hypotheses
from hmr.photographs.folder import Photographs
from hmr.rendering.overlay import GREEN, RED, draw_body, draw_keypoints, enlarged, sheet
from hmr.samples import load_views
from hmr.views import Views, matched
from scorer.scores import Scores

SHEET_PICTURES, SHEET_PIXELS = 12, 192


class Gathered(Protocol):
    """The field, what could not be read, and how to show and keep the best."""

    field: Field
    unreadable: list[Unreadable]

    def sheet(self, scores: Scores) -> np.ndarray: ...

    def write_best(self, out: Path, scores: Scores) -> None: ...


def best_and_worst(field: Field, scores: Scores, i: int) -> tuple[int, int]:
    value = scores.value[i, : len(field.entrants[i])]
    return int(value.argmax()), int(value.argmin())


def _picture(entrant: Entrant) -> tuple[np.ndarray, np.ndarray, int]:
    """A candidate's picture and its camera, enlarged for drawing over; and how many times."""
    factor = max(1, SHEET_PIXELS // entrant.view.size)
    rgb = entrant.view.rgb[0].permute(1, 2, 0).numpy()
    return *enlarged(rgb, entrant.view.K[0].numpy(), factor), factor


@dataclass
class OurFiles:
    """Candidates of our own files, as whole bodies."""

    field: Field
    unreadable: list[Unreadable]
    files: dict[str, Hypotheses]
    views: Views
    body: BodyModel

    def _body(self, i: int, k: int) -> BodyParams:
        entrant = self.field.entrants[i][k]
        hypotheses = self.files[entrant.entry.model]
        return hypotheses.params[hypotheses.key.index(entrant.view.key[0]), entrant.entry.candidate]

    def sheet(self, scores: Scores) -> np.ndarray:
        drawn = []
        for i in range(min(len(self.field), SHEET_PICTURES)):
            picture, K, _ = _picture(self.field.entrants[i][0])
            drawn.append(picture)
            for k, colour in zip(best_and_worst(self.field, scores, i), (GREEN, RED), strict=True):
                drawn.append(draw_body(picture, self._body(i, k), K, self.body, colour))
        return sheet(drawn, 6)

    def write_best(self, out: Path, scores: Scores) -> None:
        chosen = [self._body(i, best_and_worst(self.field, scores, i)[0]) for i in range(len(self.field))]
        params = BodyParams.stack(chosen).reshape_batch(len(chosen), 1)
        best = Hypotheses(self.field.keys, params, self.body.family, "best of a ranking", -1)
        save_hypotheses(out / "best.npz", best, matched(self.views, self.field.keys))


@dataclass
class OtherFiles:
    """Candidates of other people's files, as keypoints."""

    field: Field
    unreadable: list[Unreadable]

    def sheet(self, scores: Scores) -> np.ndarray:
        drawn = []
        for i in range(min(len(self.field), SHEET_PICTURES)):
            picture, _, _ = _picture(self.field.entrants[i][0])
            drawn.append(picture)
            for k, colour in zip(best_and_worst(self.field, scores, i), (GREEN, RED), strict=True):
                entrant = self.field.entrants[i][k]
                xy = (entrant.uvd[:, :2].numpy() + 1) * picture.shape[0] / 2
                drawn.append(draw_keypoints(picture, xy, entrant.known.numpy(), colour))
        return sheet(drawn, 6)

    def write_best(self, out: Path, scores: Scores) -> None:
        """The table says which candidate is best; the file it came from is the user's own."""


def gather_ours(hypotheses: list[Path], data: Path, body: BodyModel) -> OurFiles:
    """Our own files of candidates for our own crops. Raises ValueError when nothing can be ranked."""
    views = load_views(data)
    files = {}
    for path, model in model_names(hypotheses).items():
        files[model] = load_hypotheses(path, views)
        require_body(files[model], body, str(path))
    field, unreadable = field_of_hypotheses(views, files, body)
    return OurFiles(field, unreadable, files, views, body)


def gather_theirs(hypotheses: list[Path], images: Path, body: BodyModel | None, size: int) -> OtherFiles:
    """Anybody's files of bodies in photographs; without a body model theirs are put on the free body.

    size: side in pixels of the crops. Raises ValueError when nothing can be ranked.
    """
    if not images.is_dir():
        raise ValueError(f"{images}: expected a folder of photographs")
    photographs = Photographs(images)
    candidates: list[PersonCandidate] = []
    unreadable: list[Unreadable] = []
    for path, model in model_names(hypotheses).items():
        found, bad = read_candidates(path, model, photographs, stand_in() if body is None else body)
        candidates += found
        unreadable += bad
    if not candidates:
        reasons = "; ".join(f"{u.where}: {u.reason}" for u in unreadable[:3])
        raise ValueError(f"none of the {len(unreadable)} candidates could be read: {reasons}")
    field, left_out = field_of_people(photographs, candidates, size)
    return OtherFiles(field, unreadable + left_out)


def model_names(paths: list[Path]) -> dict[Path, str]:
    """Of each file or folder the model's name, by its own, with folders where those are alike.

    Raises ValueError for none at all, or the same file twice.
    """
    if not paths:
        raise ValueError("give --hypotheses: files of candidates to rank")
    resolved = [path.resolve() for path in paths]
    if twice := next((p for p, r in zip(paths, resolved, strict=True) if resolved.count(r) > 1), None):
        raise ValueError(f"{twice}: is given twice")
    parts = [(*r.parts[:-1], r.name if r.is_dir() else r.name.removesuffix(".npz")) for r in resolved]
    out: dict[Path, str] = {}
    for path, own in zip(paths, parts, strict=True):
        ends = ("/".join(own[-count:]) for count in range(1, len(own) + 1))
        out[path] = next(end for end in ends if sum("/".join(p).endswith(end) and p[-1] == own[-1] for p in parts) == 1)
    return out
