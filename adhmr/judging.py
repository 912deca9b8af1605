"""Who judges candidates of the pictures that a command is given."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from adhmr.loading import MEDOID, PACKAGED_SCORER, scorer_folder, usual_judge
from adhmr.photographs.given import GivenPictures
from adhmr.picture_options import PictureOptions
from adhmr.progress import console
from dpo.config import ErrorKind
from dpo.judges import Judge, consensus_judge, random_judge, scorer_judge
from hmr.body import BodyModel, has_betas_of
from scorer import Scorer
from scorer.protocol import AnyScorer, load_scorer

UNJUDGED = (
    "note: no --scorer, so candidates are judged by how near they are to each other (the medoid wins); that says nothing of the "
    "picture, and narrows what is proposed."
)
#: A reward for diversity is in millimetres, and so must be what it is weighed against.
PLAIN_SCORE = (
    "note: a released scorer says no errors in millimetres: its plain score judges, with no reward for diversity"
)


def tell(words: str) -> None:
    console.print(words, highlight=False)


@dataclass(frozen=True)
class JudgesAsked:
    """What a command is told of its judges.

    Attributes:
        name: scorer, random, consensus or error; None: the scorer where there is one, given or usual, else consensus.
        scorer, held_out: checkpoints of the one that judges, and of another one that only looks.
        diversity, error: see ``dpo.config.AlignConfig``.
        offline: fetch nothing.
    """

    name: str | None
    scorer: Path | None = None
    held_out: Path | None = None
    diversity: float = 0.0
    offline: bool = False
    error: ErrorKind = "expected"

    def with_usual(self, estimator: Any, pictures: PictureOptions) -> JudgesAsked:
        """Where nobody is named that one who ranks this estimator's candidates of photographs in `adhmr predict` too. Crops that
        are given are of the estimator's size, which need not be that scorer's."""
        if (
            pictures.images is None
            or self.name is not None
            or self.scorer is not None
            or usual_judge(estimator) == MEDOID
        ):
            return self
        return replace(self, scorer=Path(PACKAGED_SCORER))


@dataclass(frozen=True)
class Judges:
    """A scorer, or one of the controls.

    Attributes:
        name: scorer, random or consensus.
        scorer, held_out: the one that judges, and another one that only looks.
        diversity, error: see ``dpo.config.AlignConfig``.
        folders: of the scorers' checkpoints.
    """

    name: str
    body: BodyModel
    diversity: float
    scorer: AnyScorer | None = None
    held_out: AnyScorer | None = None
    folders: tuple[Path, ...] = ()
    error: ErrorKind = "expected"

    @classmethod
    def load(cls, asked: JudgesAsked, body: BodyModel, device: str) -> Judges:
        """Raises ValueError when a folder holds no scorer."""
        names = (asked.scorer, asked.held_out)
        scorer, held_out = (
            None if name is None else load_scorer(name, asked.offline, tell).to(device) for name in names
        )
        _tell_of_other_bodies([s for s in (scorer, held_out) if s is not None], body)
        name = asked.name or ("consensus" if scorer is None else "scorer")
        if asked.name is None and scorer is None:
            tell(UNJUDGED)
        folders = tuple(scorer_folder(name) for name in names if name is not None)
        return cls(name, body, asked.diversity, scorer, held_out, folders, asked.error)

    @property
    def scorers(self) -> list[AnyScorer]:
        """Who looks at pictures."""
        return [scorer for scorer in (self.scorer, self.held_out) if scorer is not None]

    def of(self, given: GivenPictures) -> Judge:
        """The judge of these pictures."""
        if self.name == "scorer":
            assert self.scorer is not None
            return self._by(self.scorer, given)
        return random_judge() if self.name == "random" else consensus_judge(self.body)

    def held_out_of(self, given: GivenPictures) -> Judge | None:
        """The one that only looks."""
        return None if self.held_out is None else self._by(self.held_out, given)

    def _by(self, scorer: AnyScorer, given: GivenPictures) -> Judge:
        diversity = self.diversity
        if diversity and not scorer.says_errors:
            console.print(PLAIN_SCORE, highlight=False)
            diversity = 0.0
        return scorer_judge(scorer, self.body, diversity, given.seen_by(scorer), self.error)


def _tell_of_other_bodies(scorers: list[AnyScorer], body: BodyModel) -> None:
    """A scorer sees keypoints, which all bodies have, but a little elsewhere: that is allowed, and told."""
    for scorer in scorers:
        if isinstance(scorer, Scorer) and not has_betas_of(body, scorer.config.body):
            tell(
                f"note: the scorer was trained on the body '{scorer.config.body}', the candidates are of '{body.family}', whose "
                "keypoints lie a little elsewhere"
            )
