"""From labelled pictures and candidates in files to what a scorer learns from and is calibrated on."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from hmr.body import BodyModel
from hmr.hypotheses import Hypotheses
from hmr.samples import Samples
from hmr.views import matched
from scorer.candidates import CandidateSets, candidate_sets, noised_truth
from scorer.config import CandidatesConfig

HELD_OUT_SHARE = 20
"""One in so many pictures is held out for calibration."""


@dataclass(frozen=True)
class ScorerSets:
    """training: pictures, with sets of candidates of some of them. held_out: other pictures, with calibration: candidates such as
    will be ranked, and labels: such as will be cleaned."""

    training: Samples
    sets: CandidateSets
    held_out: Samples
    calibration: Hypotheses
    labels: Hypotheses


def _of_keys(hypotheses: Hypotheses, keys: set[str]) -> Hypotheses | None:
    rows = [i for i, key in enumerate(hypotheses.key) if key in keys]
    return hypotheses[rows] if rows else None


def scorer_sets(
    samples: Samples, files: list[Hypotheses], body: BodyModel, config: CandidatesConfig, seed: int
) -> ScorerSets:
    """Exactly labelled pictures, and candidates of some of them. Which are held out follows from the seed."""
    shuffled = torch.randperm(len(samples), generator=torch.Generator().manual_seed(seed))
    cut = max(len(samples) // HELD_OUT_SHARE, 1)
    held_out, training = samples[shuffled[:cut]], samples[shuffled[cut:]]
    in_files = {key for hypotheses in files for key in hypotheses.key}
    drawn = torch.rand(len(training), generator=torch.Generator().manual_seed(seed)) < config.judged_share
    judged = training[[i for i, key in enumerate(training.key) if drawn[i] or key in in_files]]
    noised = noised_truth(judged, config.noised, seed, small=config.small, gross=config.gross)
    parts = [candidate_sets(training, noised, body, from_generator=False)]
    for hypotheses in files:
        if (ours := _of_keys(hypotheses, set(training.key))) is not None:
            parts.append(candidate_sets(training, ours, body))
    labels = noised_truth(held_out, config.noised, seed + 1, small=config.small, gross=config.gross)
    calibration = labels
    for hypotheses in files:  # a generator's own errors are what will be judged
        calibration = _of_keys(hypotheses, set(held_out.key)) or calibration
    held_out = matched(held_out, calibration.key)
    chosen = [labels.key.index(key) for key in held_out.key]
    return ScorerSets(training, CandidateSets.cat(parts), held_out, calibration, labels[chosen])
