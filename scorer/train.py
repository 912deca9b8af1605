"""Train a scorer on candidate sets of exactly labelled pictures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from hmr.body import BodyModel
from hmr.displacement import GROSS_MM
from hmr.hypotheses import Hypotheses
from hmr.networks.branch_loss import estimate_loss
from hmr.networks.checkpoint import load_part
from hmr.networks.image_branch import ImageBranch
from hmr.samples import Samples
from hmr.training.batch_random import BatchRandom
from hmr.training.batches import RowNumbers
from hmr.training.fit import fit
from hmr.training.labelled_pictures import LabelledPictures, PictureBatch
from hmr.training.run import TrainingRun
from hmr.training.train_branch import train_image_branch
from scorer.candidates import QUALITIES, CandidateSets, candidate_errors_mm, candidate_sets
from scorer.config import ScorerConfig, ScorerTraining
from scorer.ranknet import displacement_loss, gross_loss, part_ranknet_loss, ranknet_loss
from scorer.scorer import BlindScorer, Judgement, Scorer
from scorer.scores import Calibration, fit_calibration, fit_platt

DISPLACEMENT_WEIGHT, GROSS_WEIGHT = 1.5, 8.0


def judgement_loss(
    judged: Judgement, sets: CandidateSets, rows: Tensor, ranked: Tensor, training: ScorerTraining
) -> tuple[Tensor, dict[str, Tensor]]:
    """RankNet within the pictures of the batch that are ``ranked`` (b,); of all, how far keypoints are off, and if grossly."""
    device = judged.score.device
    columns = [QUALITIES.index(quality) for quality in training.qualities]
    errors = sets.errors_mm[rows][ranked][..., columns].to(device)
    displacement = sets.displacement_mm[rows].to(device)
    score = judged.score[ranked.to(device)]
    parts = {
        "within": ranknet_loss(score, errors) if len(errors) else 0.0 * judged.score.sum(),
        "displacement": displacement_loss(judged.log_displacement, displacement),
        "gross": gross_loss(judged.log_odds_gross, displacement.amax(-1), GROSS_MM),
    }
    total = parts["within"] + DISPLACEMENT_WEIGHT * parts["displacement"] + GROSS_WEIGHT * parts["gross"]
    if training.part_weight > 0:
        parts["parts"] = part_ranknet_loss(judged.log_displacement, displacement)
        total = total + training.part_weight * parts["parts"]
    return total, {key: part.detach() for key, part in parts.items()}


@dataclass(frozen=True)
class RankingBatch:
    """Some rows of candidate sets: uvd (b, n, 29, 3), where the candidates are in their pictures."""

    rows: Tensor
    pictures: PictureBatch
    uvd: Tensor


@dataclass(frozen=True)
class JudgedPictures:
    """Candidate sets and their pictures; where pictures are moved, their candidates are."""

    pictures: LabelledPictures
    sets: CandidateSets

    def __len__(self) -> int:
        return len(self.sets)

    def load(self, rows: Tensor, random: BatchRandom) -> RankingBatch:
        batch, uvd = self.pictures.load(self.sets.picture[rows], random), self.sets.uvd[rows]
        return RankingBatch(rows, batch, uvd if batch.roll is None else batch.roll.uvd(uvd))


def train_ranking(
    scorer: Scorer,
    samples: Samples,
    sets: CandidateSets,
    model: BodyModel,
    training: ScorerTraining,
    run: TrainingRun,
) -> Scorer:
    """Train the whole scorer on candidate sets; its encoder keeps learning to estimate the body itself.

    Ranking is learnt from a generator's own samples where there are any. Noised truths are centred on the truth, a generator's
    samples are not, and what is learnt about the first misleads about the second; both teach how far keypoints are off.
    """
    ranked = sets.from_generator if sets.from_generator.any() else torch.ones_like(sets.from_generator)
    device = scorer.token.device

    def loss(batch: RankingBatch, random: BatchRandom) -> tuple[Tensor, dict[str, Tensor]]:
        del random
        rgb, towards, targets = batch.pictures.to(device)
        pictures, own = scorer.encode(rgb, towards)
        judged = scorer(pictures, batch.uvd.to(device))
        total, logs = judgement_loss(judged, sets, batch.rows, ranked[batch.rows], training)
        own_error, _ = estimate_loss(own, targets)
        return total + training.own_weight * own_error, {**logs, "own": own_error.detach()}

    fit(
        scorer, loss, JudgedPictures(LabelledPictures.of(samples, model, training.augment), sets), training.ranking, run
    )
    return scorer


def train_scorer(
    config: ScorerConfig,
    training: ScorerTraining,
    samples: Samples,
    sets: CandidateSets,
    model: BodyModel,
    run: TrainingRun,
    encoder_from: Path | None = None,
) -> Scorer:
    """A scorer trained on exactly labelled pictures and the candidate sets of some of them, not calibrated yet.

    The encoder learns from the pictures without candidates first, where there are any: on pictures that it has seen its own
    estimate is better than it will ever be again, and ranking that learnt from those would trust it too much.
    encoder_from: a checkpoint folder with an image branch to start from (the paper's encoder, too, was a mesh-recovery model's).
    """
    torch.manual_seed(run.seed)
    scorer = Scorer(replace(config, body=model.family)).to(run.device)
    branch = scorer.branch
    if not isinstance(branch, ImageBranch):
        raise ValueError("scorer.lit: a scorer that is told keypoints is trained by train-photo-scorer")
    scorer.check_size(samples)
    if encoder_from is not None:
        load_part(encoder_from, "branch", branch)
    judged = torch.zeros(len(samples), dtype=torch.bool).index_fill(0, sets.picture, True)
    learnt = samples if judged.all() else samples[(~judged).nonzero()[:, 0]]
    train_image_branch(branch, learnt, model, training.branch, run.of_stage("branch"), training.augment)
    return train_ranking(scorer, samples, sets, model, training, run.of_stage("ranking")).eval()


def calibrate(scorer: Scorer, samples: Samples, hypotheses: Hypotheses, labels: Hypotheses, model: BodyModel) -> Scorer:
    """Fit, on held-out exactly labelled pictures, the map from raw score to expected PVE, on ``hypotheses`` such as will be
    ranked, and the probability of a gross error, on ``labels`` such as will be cleaned; both have the pictures' keys."""
    scorer.calibration = Calibration()
    score = scorer.score(samples, hypotheses, model).value
    errors = candidate_errors_mm(hypotheses.params, samples.label, model)[..., 0]
    odds = scorer.score(samples, labels, model).gross_probability.double().logit(1e-9)
    gross = candidate_sets(samples, labels, model).displacement_mm.amax(-1) > GROSS_MM
    scale, offset = fit_platt(odds.flatten().numpy(), gross.flatten().numpy())
    scorer.calibration = replace(
        fit_calibration(score.flatten().numpy(), errors.flatten().numpy()), gross_scale=scale, gross_offset=offset
    )
    return scorer


def train_blind_scorer(
    scorer: BlindScorer, sets: CandidateSets, training: ScorerTraining, run: TrainingRun
) -> BlindScorer:
    """The same losses on the same sets, without pictures; it has nothing but the candidates, so it ranks all of them."""

    def loss(rows: Tensor, random: BatchRandom) -> tuple[Tensor, dict[str, Tensor]]:
        del random
        everything = torch.ones(len(rows), dtype=torch.bool)
        return judgement_loss(scorer(sets.uvd[rows]), sets, rows, everything, training)

    fit(scorer, loss, RowNumbers(len(sets)), training.ranking, run)
    return scorer
