"""Who says which candidate is better: the scorer, chance, the crowd of candidates, or the truth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from diffusion_hmr.drawn import Drawn
from diffusion_hmr.protocol import Finetuned
from dpo.align import PairMaker
from dpo.config import AlignConfig, ErrorKind
from dpo.errors import errors_mm
from dpo.loss import energy_score_reward
from dpo.pairs import CandidateStates, PreferencePairs, pairs_of_states
from hmr.body import BodyModel, BodyParams
from hmr.hypotheses import Hypotheses
from hmr.metrics import errors_of_hypotheses_mm, medoid_distance_mm, pairwise_distance_mm, pelvis_aligned
from hmr.networks.conditions import PictureRows
from hmr.samples import Samples
from hmr.views import Views
from scorer.protocol import AnyScorer

#: (pictures, their candidates, seed) to rewards (b, n), higher is better.
Judge = Callable[[Views, Hypotheses, int], Tensor]


def distances_to_others_mm(hypotheses: Hypotheses, model: BodyModel) -> Tensor:
    """(b, n): mean distance of each candidate to the others of its picture."""
    rows = []
    for i in range(len(hypotheses)):
        vertices, _ = pelvis_aligned(model.posed(hypotheses.params[i]))
        rows.append(medoid_distance_mm(pairwise_distance_mm(vertices)))
    return torch.stack(rows)


def scorer_judge(
    scorer: AnyScorer, model: BodyModel, diversity: float, seen: Views | None = None, error: ErrorKind = "expected"
) -> Judge:
    """The error that the scorer says, with the energy score's reward for being different. Of a scorer that says no errors the
    plain score, where ``diversity`` is 0.

    seen: the same people in crops of the scorer's size; without it the scorer sees what the generator does.

    The judge raises ValueError when it is asked for diversity and the scorer is not calibrated, or does not say such errors.
    """
    place = {} if seen is None else {key: i for i, key in enumerate(seen.key)}

    def judge(views: Views, hypotheses: Hypotheses, seed: int) -> Tensor:
        del seed
        shown = views if seen is None else seen[[place[key] for key in views.key]]
        scores = scorer.score(shown, hypotheses, model)
        expected = errors_mm(scores, error)
        if bool(expected.isnan().all()):
            if diversity == 0:
                return scores.value
            raise ValueError(
                "the scorer is not calibrated, so it says no errors; train it with `adhmr train-scorer`, or give --diversity 0 "
                "(of align: --align.diversity 0), so that its plain score judges"
            )
        if diversity == 0:
            return -expected
        return energy_score_reward(expected, distances_to_others_mm(hypotheses, model), diversity)

    return judge


def random_judge() -> Judge:
    """A control: what does finetuning do when the pairs mean nothing?"""

    def judge(views: Views, hypotheses: Hypotheses, seed: int) -> Tensor:
        del views
        return torch.rand(hypotheses.params.batch_shape, generator=torch.Generator().manual_seed(seed))

    return judge


def consensus_judge(model: BodyModel) -> Judge:
    """A control: the medoid wins, with no look at the picture."""

    def judge(views: Views, hypotheses: Hypotheses, seed: int) -> Tensor:
        del views, seed
        return -distances_to_others_mm(hypotheses, model)

    return judge


def truth_judge(truth: Samples, model: BodyModel, diversity: float = 0.0) -> Judge:
    """The ceiling: the true error. Also the paper's choice where exact labels exist (section 4.3)."""
    place = {key: i for i, key in enumerate(truth.key)}

    def judge(views: Views, hypotheses: Hypotheses, seed: int) -> Tensor:
        del seed
        labels = truth.label[[place[key] for key in views.key]]
        errors = errors_of_hypotheses_mm(hypotheses.params, labels, model)
        return energy_score_reward(errors["pve"], medoid_distance_mm(errors["pairwise"]), diversity)

    return judge


#: What of a generator's proposals is judged: (generator, rows of the set, seed) to candidates.
Draw = Callable[[Finetuned[Any], Tensor, int], Drawn]


def on_policy(views: Views, conditions: PictureRows, model: BodyModel, count: int) -> Draw:
    """What the generator itself proposes."""

    def draw(generator: Finetuned[Any], rows: Tensor, seed: int) -> Drawn:
        return generator.draw(conditions[rows], views[rows].K, model, count, seed)

    return draw


def with_others(draw: Draw, others: Drawn) -> Draw:
    """The same, and beside them candidates of somebody else for each picture of the set."""

    def both(generator: Finetuned[Any], rows: Tensor, seed: int) -> Drawn:
        own, of = draw(generator, rows, seed), others[rows]
        return Drawn(BodyParams.cat([own.bodies, of.bodies], 1), torch.cat([own.states, of.states], 1))

    return both


def pair_maker(
    views: Views, conditions: PictureRows, judge: Judge, model: BodyModel, config: AlignConfig, name: str
) -> PairMaker:
    """Draw candidates for rows of an (unlabelled) set, judge them, and pair them."""
    return pairs_of_drawn(views, on_policy(views, conditions, model, config.candidates), judge, model, config, name)


def pairs_of_drawn(
    views: Views, draw: Draw, judge: Judge, model: BodyModel, config: AlignConfig, name: str
) -> PairMaker:
    """The same of candidates that are drawn in another way."""

    def make(generator: Finetuned[Any], rows: Tensor, seed: int) -> PreferencePairs:
        part, drawn = views[rows], draw(generator, rows, seed)
        reward = judge(part, Hypotheses(part.key, drawn.bodies, model.family, "policy", seed), seed)
        random = torch.Generator().manual_seed(seed)
        states = CandidateStates(part.key, drawn.states, generator.state_kind)
        return pairs_of_states(states, reward, config.pairs_per_picture, random, {"judge": name, "seed": str(seed)})

    return make


def fixed_pairs(pairs: PreferencePairs, keys: tuple[str, ...]) -> PairMaker:
    """The same pairs in every round (offline preference optimisation).

    Raises ValueError when they are about other pictures.
    """
    unknown = set(pairs.key) - set(keys)
    if unknown:
        raise ValueError(
            f"the pairs are about pictures that are not in the set: {sorted(unknown)[:3]} ({len(unknown)} in all)"
        )

    def make(generator: Finetuned[Any], rows: Tensor, seed: int) -> PreferencePairs:
        del generator, rows, seed
        return pairs

    return make
