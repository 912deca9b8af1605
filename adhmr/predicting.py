"""Predict the people of photographs: crops, candidates, scores, one chosen body each; batched across photographs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from adhmr.option_types import EstimateKind
from hmr.body import BodyModel
from hmr.estimator import Estimator
from hmr.fit_to_marks import fit_to_marks
from hmr.photographs.cameras import Cameras
from hmr.photographs.folder import Photographs, Skipped
from hmr.photographs.people import Person, crops
from hmr.photographs.sources import PeopleSource
from hmr.prediction import Prediction
from hmr.skeleton import SMPL
from hmr.views import Prompts, Views
from scorer.consensus import score_weights, weighted_mean_body
from scorer.protocol import AnyScorer


@dataclass(frozen=True)
class PredictConfig:
    """candidates: bodies for each person. estimate: the body that is chosen: the best by score, or the mean of all candidates on
    SO(3), weighted by score. seed: of the sampling. source: what the candidates are called. people_at_once: in a batch.
    fit_to_marks: whether bodies of people with keypoints are moved to where those are, before they are ranked."""

    candidates: int = 10
    estimate: EstimateKind = "best"
    seed: int = 0
    source: str = "generator"
    people_at_once: int = 64
    fit_to_marks: bool = True

    def __post_init__(self) -> None:
        for name in ("candidates", "people_at_once"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: expected at least 1, got {getattr(self, name)}")


#: Pixels of photographs that wait for each other: about 200 MB. Larger ones go alone.
_PIXELS_AT_ONCE = 2**26


@dataclass(frozen=True)
class Shot:
    """A photograph (h, w, 3) uint8 with its camera K (3, 3) and the people in it."""

    name: str
    photograph: np.ndarray
    people: list[Person]
    K: Tensor

    @property
    def places(self) -> list[int]:
        """Of each person: what their random numbers follow, so that they do not depend on what else is predicted."""
        return list(range(len(self.people)))


AnyShot = TypeVar("AnyShot", bound=Shot)


@dataclass(frozen=True)
class Predictor:
    """An estimator, a scorer and a body, ready for views."""

    estimator: Estimator
    scorer: AnyScorer
    body: BodyModel
    config: PredictConfig

    def __call__(self, views: Views, seen: Views, places: list[int]) -> Prediction:
        """views: crops at the estimator's size; seen: the same people at the scorer's. places: of each person in its photograph,
        so that a photograph's people do not depend on what else is predicted with it."""
        config = self.config
        hypotheses = self.estimator.propose(views, self.body, config.candidates, config.seed, config.source, places)
        if config.fit_to_marks and views.prompts is not None and hypotheses.params.skeleton is SMPL:
            fitted = fit_to_marks(hypotheses.params, views.prompts.keypoints_px, views.K, self.body)
            hypotheses = replace(hypotheses, params=fitted)
        scores = self.scorer.score(seen, hypotheses, self.body)
        mean = None
        if config.estimate == "weighted_mean":
            mean = weighted_mean_body(hypotheses.params, score_weights(scores.value))
        return Prediction.best_first(views, hypotheses, scores.value, scores.expected_error_mm, mean)

    def crops_of(self, shots: Sequence[Shot]) -> tuple[Views, Views]:
        """Of all people at the estimator's and at the scorer's size; cut once where these are the same."""
        of_any = any(person.keypoints is not None for s in shots for person in s.people)
        kinds = [(network.crop_size, network.crop_enlarge) for network in (self.estimator, self.scorer)]
        cut = {kind: Views.cat([crops_of_shot(s, *kind, of_any) for s in shots]) for kind in dict.fromkeys(kinds)}
        return cut[kinds[0]], cut[kinds[1]]


def crops_of_shot(shot: Shot, size: int, enlarge: float, prompted: bool) -> Views:
    """Of the people of one photograph. prompted: with prompts, also where nothing is said of any of them."""
    views = crops(shot.photograph, shot.people, size, shot.K, enlarge)
    if prompted and views.prompts is None:
        return replace(views, prompts=Prompts.nothing(len(views)))
    return views


def shots_of(
    photographs: Photographs, keys: dict[str, str], people: PeopleSource, cameras: Cameras
) -> Iterator[tuple[str, Shot | None, list[Skipped]]]:
    """Name, shot (None where there is nobody) and what was skipped, for each photograph in order.

    keys: name to the beginning of its people's keys.
    """
    for name, key in keys.items():
        try:
            photograph = photographs.read(name)
            h, w = photograph.shape[:2]
            K = cameras.K_of(name, (w, h), photographs.exif_focal_px(name))
        except ValueError as error:
            yield name, None, [Skipped(name, str(error))]
            continue
        if min(h, w) < 2:
            yield name, None, [Skipped(name, f"has {w} x {h} px, nobody can be seen in it")]
            continue
        found, skipped = people.people_of(name, key, photograph)
        yield name, Shot(name, photograph, found, K) if found else None, skipped


def predictions_of(predictor: Predictor, shots: Iterable[AnyShot]) -> Iterator[tuple[AnyShot, Prediction]]:
    """One prediction for each photograph, in order; people of several photographs go through the networks together."""
    waiting: list[AnyShot] = []
    for shot in shots:
        together = [*waiting, shot]
        crowd, pixels = sum(len(s.people) for s in together), sum(s.photograph[..., 0].size for s in together)
        if waiting and (crowd > predictor.config.people_at_once or pixels > _PIXELS_AT_ONCE):
            yield from _predicted(predictor, waiting)
            waiting = []
        waiting.append(shot)
    if waiting:
        yield from _predicted(predictor, waiting)


def _predicted(predictor: Predictor, shots: Sequence[AnyShot]) -> Iterator[tuple[AnyShot, Prediction]]:
    views, seen = predictor.crops_of(shots)
    prediction = predictor(views, seen, [place for shot in shots for place in shot.places])
    start = 0
    for shot in shots:
        rows = torch.arange(start, start + len(shot.people))
        start += len(shot.people)
        yield shot, prediction[rows]
