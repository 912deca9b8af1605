"""Gather the candidates of a ranking from files, and show and keep the best of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from adhmr.pictures import load_pictures
from adhmr.ranking.field import Field, field_of_hypotheses, field_of_people
from hmr.body import BodyParams
from hmr.formats.person_candidate import PersonCandidate, Unreadable
from hmr.formats.read_candidates import read_candidates
from hmr.formats.smpl_parameters import stand_in
from hmr.free_body import free_body
from hmr.hypotheses import Hypotheses, load_hypotheses, save_hypotheses
from hmr.rendering.overlay import GREEN, RED, draw_body, draw_keypoints, enlarged, sheet
from hmr.smplx_files import load_body
from scorer.scores import Scores

SHEET_PICTURES, SHEET_PIXELS = 12, 192


class Gathered(Protocol):
    """The field, what could not be read, and how to show and keep the best."""

    field: Field
    unreadable: list[Unreadable]

    def sheet(self, scores: Scores) -> np.ndarray: ...

    def write_best(self, out: Path, scores: Scores) -> None: ...


def best_and_worst(field: Field, scores: Scores, i: int) -> tuple[int, int]:
    value = scores.value[i, : len(field.entries[i])]
    return int(value.argmax()), int(value.argmin())


@dataclass
class OurFiles:
    """Candidates of our own files, as whole bodies."""

    field: Field
    unreadable: list[Unreadable]
    files: dict[str, Hypotheses]

    def _body(self, i: int, k: int) -> tuple[BodyParams, torch.Tensor]:
        entry, key = self.field.entries[i][k], self.field.samples.key[i]
        hypotheses = self.files[entry.model]
        row = hypotheses.key.index(key)
        return hypotheses.params[row, entry.candidate], hypotheses.K[row]

    def sheet(self, scores: Scores) -> np.ndarray:
        drawn, body = [], free_body(1200)
        factor = max(1, SHEET_PIXELS // self.field.samples.size)
        for i in range(min(len(self.field.samples), SHEET_PICTURES)):
            rgb = self.field.samples.rgb[i].permute(1, 2, 0).numpy()
            drawn.append(enlarged(rgb, np.eye(3), factor)[0])
            for k, colour in zip(best_and_worst(self.field, scores, i), (GREEN, RED), strict=True):
                params, K = self._body(i, k)
                picture, enlarged_K = enlarged(rgb, K.numpy(), factor)
                drawn.append(draw_body(picture, params, enlarged_K, body, colour))
        return sheet(drawn, 6)

    def write_best(self, out: Path, scores: Scores) -> None:
        chosen = [self._body(i, best_and_worst(self.field, scores, i)[0]) for i in range(len(self.field.samples))]
        params = BodyParams.stack([p for p, _ in chosen]).reshape_batch(len(chosen), 1)
        K = torch.stack([K for _, K in chosen])
        save_hypotheses(out / "best.npz", Hypotheses(self.field.samples.key, params, K, "best of a ranking", -1))


@dataclass
class OtherFiles:
    """Candidates of other people's files, as keypoints."""

    field: Field
    unreadable: list[Unreadable]

    def sheet(self, scores: Scores) -> np.ndarray:
        drawn = []
        factor = max(1, SHEET_PIXELS // self.field.samples.size)
        for i in range(min(len(self.field.samples), SHEET_PICTURES)):
            picture, _ = enlarged(self.field.samples.rgb[i].permute(1, 2, 0).numpy(), np.eye(3), factor)
            drawn.append(picture)
            for k, colour in zip(best_and_worst(self.field, scores, i), (GREEN, RED), strict=True):
                xy = (self.field.uvd[i, k, :, :2].numpy() + 1) * picture.shape[0] / 2
                drawn.append(draw_keypoints(picture, xy, self.field.known[i, k].numpy(), colour))
        return sheet(drawn, 6)

    def write_best(self, out: Path, scores: Scores) -> None:
        """The table says which candidate is best; the file it came from is the user's own."""


def gather(
    hypotheses: list[Path],
    data: Path | None,
    images: Path | None,
    body_model: Path | None,
    body_model_type: str,
    size: int,
) -> Gathered:
    """size: side in pixels of the crops that are made of photographs.

    Raises ValueError unless exactly one of ``data`` and ``images`` is given, or when nothing can be ranked.
    """
    if (data is None) == (images is None):
        raise ValueError("give --data (our crops) or --images (photographs), one of the two")
    if not hypotheses:
        raise ValueError("give --hypotheses: files of candidates to rank")
    if data is not None:
        files = {_model_name(path, hypotheses): load_hypotheses(path) for path in hypotheses}
        field, unreadable = field_of_hypotheses(load_pictures(data), files, free_body(1200))
        return OurFiles(field, unreadable, files)
    assert images is not None
    body = stand_in() if body_model is None else load_body(body_model, body_model_type)
    candidates: list[PersonCandidate] = []
    unreadable = []
    for path in hypotheses:
        found, bad = read_candidates(path, _model_name(path, hypotheses), images, body)
        candidates += found
        unreadable += bad
    if not candidates:
        reasons = "; ".join(f"{u.where}: {u.reason}" for u in unreadable[:3])
        raise ValueError(f"none of the {len(unreadable)} candidates could be read: {reasons}")
    field, left_out = field_of_people(images, candidates, size)
    return OtherFiles(field, unreadable + left_out)


def _model_name(path: Path, paths: list[Path]) -> str:
    """The file's or folder's name; with its parent's where two are alike. Raises ValueError for the same file twice."""
    alike = [other for other in paths if other.stem == path.stem]
    if len(alike) != len(set(alike)):
        raise ValueError(f"{path}: is given twice")
    return path.stem if len(alike) == 1 else f"{path.parent.name}/{path.stem}"
