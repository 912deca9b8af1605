"""What one generator proposes for the held-out people, and what scorers say of it: drawn and scored once, kept in a folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from adhmr.judging import Judges
from adhmr.option_types import Telling
from adhmr.photograph_loop.telling import as_told
from adhmr.photographs.given import GivenPictures
from dpo.errors import errors_mm
from dpo.loss import energy_score_reward
from hmr.body import BodyModel, BodyParams
from hmr.body_codec import read_arrays, write_arrays
from hmr.estimator import Estimator
from hmr.files import partial_folder
from hmr.hypotheses import Hypotheses, load_hypotheses, save_hypotheses
from hmr.metrics import medoid_distance_mm, pairwise_distance_mm, pelvis_aligned, spread_mm
from scorer.consensus import weighted_mean_body
from scorer.protocol import AnyScorer
from scorer.scores import Scores

_AT_ONCE = 128
_NUMBERS = ("score", "expected_error_mm", "reward", "held_out_error_mm", "spread_mm")


@dataclass(frozen=True)
class Judged:
    """Of n people with m candidates each.

    Attributes:
        hypotheses: the candidates, as drawn.
        score: (n, m) by which one is chosen, higher is better: the training scorer's, or without one how near the others are.
        expected_error_mm, held_out_error_mm: (n, m) of the training and the held-out scorer; NaN where there is none, or it
            is not calibrated.
        reward: (n, m) what pairs of the run itself are made by.
        spread_mm: (n,).
    """

    hypotheses: Hypotheses
    score: Tensor
    expected_error_mm: Tensor
    reward: Tensor
    held_out_error_mm: Tensor
    spread_mm: Tensor

    @property
    def chosen(self) -> Tensor:
        """(n,) which candidate scores best."""
        return self.score.argmax(1)

    def of_chosen(self, values: Tensor) -> Tensor:
        """(n, m) to (n, 1)."""
        return values.gather(1, self.chosen[:, None])

    @property
    def chosen_bodies(self) -> BodyParams:
        """[n]."""
        return self.hypotheses.reordered(self.chosen[:, None]).params[:, 0]

    def bodies(self) -> dict[str, BodyParams]:
        """[n, k] of each kind: all samples, their mean on SO(3), and the chosen one."""
        params = self.hypotheses.params
        n, m = params.batch_shape
        mean = weighted_mean_body(params, torch.full((n, m), 1 / m))
        one_each = {"mean": mean, "chosen": self.chosen_bodies}
        return {"sample": params, **{name: bodies.reshape_batch(n, 1) for name, bodies in one_each.items()}}

    def save(self, folder: Path, given: GivenPictures) -> None:
        with partial_folder(folder) as partial:
            save_hypotheses(partial / "candidates.npz", self.hypotheses, given.views)
            write_arrays(partial / "judged.npz", {name: getattr(self, name).numpy() for name in _NUMBERS})

    @classmethod
    def load(cls, folder: Path, given: GivenPictures) -> Judged:
        """Raises ValueError when it is of other people."""
        hypotheses = load_hypotheses(folder / "candidates.npz", given.views)
        if hypotheses.key != given.views.key:
            raise ValueError(f"{folder}: is of other people than those who are held out; remove it to judge again")
        arrays = read_arrays(folder / "judged.npz")
        return cls(hypotheses, *(torch.from_numpy(arrays[name]) for name in _NUMBERS))


def judge(estimator: Estimator, given: GivenPictures, judges: Judges, drawn: Drawn) -> Judged:
    """Draws candidates of all people, and has them judged."""
    views, body = given.views, judges.body
    shown = as_told(views, drawn.told)
    parts = []
    for start in range(0, len(views), _AT_ONCE):
        part = shown[start : start + _AT_ONCE]
        places = range(start, start + len(part))
        parts.append(estimator.propose(part, body, drawn.candidates, drawn.seed, drawn.source, places))
    hypotheses = Hypotheses.cat(parts)
    spread, to_others = _apart(hypotheses.params, body)
    none = torch.full_like(to_others, torch.nan)
    scores = None if judges.scorer is None else _scores(judges.scorer, given, hypotheses, body)
    other = None if judges.held_out is None else _scores(judges.held_out, given, hypotheses, body)
    expected = none if scores is None else scores.expected_error_mm
    if judges.name != "scorer" or scores is None:
        reward = judges.of(given)(views, hypotheses, drawn.seed)
    elif bool((error := errors_mm(scores, judges.error)).isnan().all()):
        reward = scores.value
    else:
        reward = energy_score_reward(error, to_others, judges.diversity)
    score = -to_others if scores is None else scores.value
    return Judged(hypotheses, score, expected, reward, none if other is None else other.expected_error_mm, spread)


@dataclass(frozen=True)
class Drawn:
    """candidates: of each person. seed: of the sampling. source: what they are called. told: what of the keypoints."""

    candidates: int
    seed: int
    source: str
    told: Telling = "all"


def _scores(scorer: AnyScorer, given: GivenPictures, hypotheses: Hypotheses, body: BodyModel) -> Scores:
    return scorer.score(given.seen_by(scorer), hypotheses, body)


def _apart(params: BodyParams, body: BodyModel) -> tuple[Tensor, Tensor]:
    """(n,) spread, and (n, m) how far candidates are from the others of their picture on average; mm."""
    spread, to_others = [], []
    for i in range(params.batch_shape[0]):
        vertices, _ = pelvis_aligned(body.posed(params[i]))
        pairwise = pairwise_distance_mm(vertices)
        spread.append(spread_mm(pairwise))
        to_others.append(medoid_distance_mm(pairwise))
    return torch.stack(spread), torch.stack(to_others)


def judged_once(folder: Path, given: GivenPictures, make: Callable[[], Judged]) -> Judged:
    """What is in ``folder``, or made and kept there."""
    if not folder.exists():
        make().save(folder, given)
    return Judged.load(folder, given)
