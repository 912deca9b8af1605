"""Make preference pairs as a command asks for: whose candidates, who judges."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import torch

from adhmr.judging import Judges, JudgesAsked, tell
from adhmr.loading import estimator_folder, load_estimator
from adhmr.photographs.given import GivenPictures, Networks, given_pictures, require_photographs
from adhmr.progress import console
from diffusion_hmr.protocol import is_generator
from dpo.judges import Judge, truth_judge
from dpo.pairs import CandidateStates, pairs_of_states, save_pairs
from hmr.body import BodyModel, check_body
from hmr.estimator import Estimator, name_of
from hmr.hypotheses import Hypotheses, load_hypotheses, require_body
from hmr.networks.conditions import conditions_of
from hmr.photographs.folder import Skipped
from hmr.samples import check_labels, load_samples, load_views
from hmr.views import Views, matched

if TYPE_CHECKING:
    from adhmr.commands.pairs import Options


def check_options(options: Options) -> None:
    """Raises ValueError for options that contradict each other, or cannot be meant."""
    if options.shard < 1:
        raise ValueError(f"expected --shard of at least 1 picture, got {options.shard}")
    options.check()
    if (options.hypotheses is None) == (options.generator is None):
        raise ValueError(
            "give --hypotheses (candidates from `adhmr predict --data`) or --generator (they are drawn), one of the two"
        )
    if options.images is not None and options.generator is None:
        raise ValueError("--images needs --generator, which draws the candidates; --hypotheses are of --data")
    if options.judge == "scorer" and options.scorer is None:
        raise ValueError("--judge scorer needs --scorer FOLDER; or choose --judge error, random or consensus")
    if options.judge == "error" and options.data is None:
        raise ValueError("--judge error needs exact labels: give --data, a folder of labelled pictures")
    if options.generator is not None and options.candidates < 2 * options.pairs_per_picture:
        raise ValueError(
            f"{options.pairs_per_picture} pairs a picture need at least {2 * options.pairs_per_picture} --candidates, got "
            f"{options.candidates}"
        )


class Candidates(Protocol):
    """Of rows of the views."""

    @property
    def source(self) -> str: ...

    def of(self, start: int, stop: int) -> tuple[Hypotheses, CandidateStates]: ...


@dataclass(frozen=True)
class ReadCandidates:
    """Out of a file."""

    hypotheses: Hypotheses
    views: Views
    body: BodyModel

    @property
    def source(self) -> str:
        return self.hypotheses.source

    def of(self, start: int, stop: int) -> tuple[Hypotheses, CandidateStates]:
        hypotheses = self.hypotheses[start:stop]
        return hypotheses, CandidateStates.of_bodies(self.views[start:stop], hypotheses, self.body)


@dataclass(frozen=True)
class DrawnCandidates:
    """Drawn when they are asked for, so that memory does not grow with their number. They follow from the seed and the row."""

    estimator: Estimator
    views: Views
    body: BodyModel
    count: int
    seed: int
    source: str

    def of(self, start: int, stop: int) -> tuple[Hypotheses, CandidateStates]:
        views, estimator = self.views[start:stop], self.estimator
        places = range(start, start + len(views))
        if not is_generator(estimator):
            hypotheses = estimator.propose(views, self.body, self.count, self.seed, self.source, places)
            return hypotheses, CandidateStates.of_bodies(views, hypotheses, self.body)
        conditions = conditions_of(estimator.branch, views)
        drawn = estimator.draw(conditions, views.K, self.body, self.count, self.seed, places)
        hypotheses = Hypotheses(views.key, drawn.bodies, self.body.family, self.source, self.seed)
        return hypotheses, CandidateStates(views.key, drawn.states, estimator.state_kind)


@dataclass(frozen=True)
class PairInputs:
    """What pairs are made of."""

    views: Views
    candidates: Candidates
    judge: Judge
    judged_by: str
    skipped: list[Skipped]
    paths: list[Path]

    @classmethod
    def load(cls, options: Options, body: BodyModel) -> PairInputs:
        """Raises ValueError for pictures of another size, or candidates of another body."""
        require_photographs(options)
        asked = JudgesAsked(options.judge, options.scorer, None, options.diversity, options.offline, options.error)
        if options.generator is None:
            judges = Judges.load(asked, body, options.device)
            made = _read(options, judges, body)
        else:
            folder = estimator_folder(options.generator)
            estimator: Estimator = load_estimator(folder, options.offline, tell).to(options.device)
            judges = Judges.load(asked.with_usual(estimator, options), body, options.device)
            made = _drawn(options, (folder, estimator), judges, body)
        return replace(made, paths=[*made.paths, *judges.folders])


def _read(options: Options, judges: Judges, body: BodyModel) -> PairInputs:
    assert options.data is not None
    assert options.hypotheses is not None
    every = load_views(options.data)
    hypotheses = load_hypotheses(options.hypotheses, every)
    require_body(hypotheses, body, str(options.hypotheses))
    views = matched(every, hypotheses.key)
    judge = _judge(options, judges, GivenPictures(options.data, views), body)
    return PairInputs(views, ReadCandidates(hypotheses, views, body), judge, judges.name, [], [options.hypotheses])


def _drawn(options: Options, of: tuple[Path, Estimator], judges: Judges, body: BodyModel) -> PairInputs:
    """of: a checkpoint's folder, and what it holds."""
    folder, estimator = of
    networks = Networks(estimator, judges.scorers, options.device)
    given = given_pictures(options, networks, options.crops_folder(options.out), console.print)
    estimator.check_size(given.views)
    if is_generator(estimator):
        check_body("generator", estimator.config.body, body)
    drawn = DrawnCandidates(estimator, given.views, body, options.candidates, options.seed, name_of(folder))
    judge = _judge(options, judges, given, body)
    return PairInputs(given.views, drawn, judge, judges.name, given.skipped, [folder, given.folder])


def _judge(options: Options, judges: Judges, given: GivenPictures, body: BodyModel) -> Judge:
    if judges.name == "error":
        assert options.data is not None
        truth = load_samples(options.data)
        check_labels(truth, body)
        return truth_judge(truth, body, options.diversity)
    return judges.of(given)


def write_pairs(inputs: PairInputs, options: Options, body: BodyModel, out: Path) -> int:
    """A parquet for each ``options.shard`` pictures; returns how many pairs there are."""
    views, total = inputs.views, 0
    provenance = {
        "judge": inputs.judged_by, "hypotheses": str(options.hypotheses or options.generator),
        "source": inputs.candidates.source, "seed": str(options.seed), "size": str(views.size), "body": body.family,
    }  # fmt: skip
    for number, start in enumerate(range(0, len(views), options.shard)):
        part = views[start : start + options.shard]
        hypotheses, states = inputs.candidates.of(start, start + len(part))
        reward = inputs.judge(part, hypotheses, options.seed + number)
        random = torch.Generator().manual_seed(options.seed + number)
        pairs = pairs_of_states(states, reward, options.pairs_per_picture, random, provenance)
        save_pairs(out / f"pairs-{number:05d}.parquet", pairs)
        total += len(pairs)
    return total
