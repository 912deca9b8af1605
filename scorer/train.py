"""Train a scorer on candidate sets of exactly labelled pictures."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from hmr.body import BodyModel
from hmr.camera import bearing
from hmr.hypotheses import Hypotheses
from hmr.networks.fit import FitConfig, Report, fit
from hmr.networks.image_branch import Targets, estimate_loss
from hmr.networks.train_branch import train_image_branch
from hmr.samples import Samples
from scorer.candidates import CandidateSets, candidate_errors_mm
from scorer.ranknet import across_pictures_loss, displacement_loss, ranknet_loss
from scorer.scorer import BlindScorer, Judgement, Scorer, ScorerConfig
from scorer.scores import fit_calibration

DISPLACEMENT_WEIGHT = 1.5


@dataclass(frozen=True)
class ScorerTraining:
    """The two fits of a scorer: its encoder as a mesh-recovery encoder (as the paper's ViT is), then the ranking.

    own_weight: weight of the encoder's own estimate while ranking is learnt; without it the estimate that candidates are
    compared with drifts away.
    """

    branch: FitConfig = field(default_factory=lambda: FitConfig(steps=800, batch_size=64, lr=4e-3))
    ranking: FitConfig = field(default_factory=lambda: FitConfig(steps=600, batch_size=32, lr=1e-3))
    own_weight: float = 2.0


def ranking_loss(judged: Judgement, sets: CandidateSets, rows: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """RankNet within each picture (the paper's), the same between neighbouring pictures of the batch, and the displacements."""
    device = judged.score.device
    errors = sets.errors_mm[rows].to(device)
    parts = {
        "within": ranknet_loss(judged.score, errors),
        "across": across_pictures_loss(judged.score, errors),
        "displacement": displacement_loss(judged.log_displacement, sets.displacement_mm[rows].to(device)),
    }
    total = parts["within"] + parts["across"] + DISPLACEMENT_WEIGHT * parts["displacement"]
    return total, {key: part.detach() for key, part in parts.items()}


def train_ranking(
    scorer: Scorer,
    samples: Samples,
    sets: CandidateSets,
    model: BodyModel,
    training: ScorerTraining,
    seed: int,
    report: Report,
    state_folder: Path | None = None,
) -> Scorer:
    """Train the whole scorer on candidate sets; its encoder keeps learning to estimate the body itself."""
    towards, targets = bearing(samples.K, samples.size), Targets.of(samples, model)
    device = scorer.token.device

    def loss(rows: Tensor, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        del generator
        picture = sets.picture[rows]
        pictures, own = scorer.encode(samples.rgb[picture].to(device).float() / 255, towards[picture].to(device))
        ranked, logs = ranking_loss(scorer(pictures, sets.uvd[rows].to(device)), sets, rows)
        own_error, _ = estimate_loss(own, targets[picture].to(device))
        return ranked + training.own_weight * own_error, {**logs, "own": own_error.detach()}

    fit(scorer, loss, len(sets), training.ranking, seed, report, state_folder)
    return scorer


def train_scorer(
    config: ScorerConfig,
    training: ScorerTraining,
    samples: Samples,
    sets: CandidateSets,
    model: BodyModel,
    seed: int,
    reports: tuple[Report, Report],
    device: torch.device,
    state_folder: Path,
) -> Scorer:
    """A scorer trained on exactly labelled pictures and their candidate sets, not calibrated yet."""
    torch.manual_seed(seed)
    scorer = Scorer(config).to(device)
    scorer.check_size(samples)
    if not (state_folder / "ranking" / "training_state.pt").exists():
        train_image_branch(scorer.branch, samples, model, training.branch, seed, reports[0], state_folder / "branch")
    return train_ranking(scorer, samples, sets, model, training, seed, reports[1], state_folder / "ranking").eval()


def calibrate(scorer: Scorer, samples: Samples, hypotheses: Hypotheses, model: BodyModel) -> Scorer:
    """Fit the map from raw score to expected PVE on held-out labelled pictures and candidates."""
    score = scorer.score(samples, hypotheses, model).value
    errors = candidate_errors_mm(hypotheses.params, samples.label, model)[..., 0]
    scorer.calibration = fit_calibration(score.flatten().numpy(), errors.flatten().numpy())
    return scorer


def train_blind_scorer(
    scorer: BlindScorer, sets: CandidateSets, config: FitConfig, seed: int, report: Report
) -> BlindScorer:
    """The same losses on the same sets, without pictures."""

    def loss(rows: Tensor, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        del generator
        return ranking_loss(scorer(sets.uvd[rows]), sets, rows)

    fit(scorer, loss, len(sets), config, seed, report)
    return scorer
