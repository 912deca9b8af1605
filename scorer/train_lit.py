"""Train a scorer for photographs: its branch on people that eyes looked at, then the ranking on a generator's candidates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from hmr.displacement import GROSS_MM
from hmr.networks.branch_loss import estimate_loss
from hmr.networks.lit_branch import LitBranch
from hmr.networks.precision import autocast
from hmr.training.batch_random import BatchRandom
from hmr.training.finished import once
from hmr.training.fit import fit
from hmr.training.lit_people import LitBatch, LitPeople, WithUnseen
from hmr.training.run import TrainingRun, marks_of
from scorer.candidates import CandidateSets
from scorer.config import ScorerConfig, ScorerTraining
from scorer.ranknet import displacement_loss, ranknet_loss
from scorer.scorer import Judgement, Scorer
from scorer.scores import Calibration, fit_calibration, fit_platt
from scorer.train import DISPLACEMENT_WEIGHT, judgement_loss


@dataclass(frozen=True)
class JudgedLitPeople:
    """People with the marks that a generator was told of them, and its candidates.

    Attributes:
        people: n of them.
        marks: (n, 24, 3) u, v and confidence.
        sets: one for each.
        in_plane_mm: (n, m, 29) how far each keypoint is off across the crop.
        dark: share of whom nothing is seen, in training.
    """

    people: LitPeople
    marks: Tensor
    sets: CandidateSets
    in_plane_mm: Tensor
    dark: float = 0.1

    def __len__(self) -> int:
        return len(self.sets)

    def __getitem__(self, rows: Tensor) -> JudgedLitPeople:
        """Sets keep their numbers' order: row i is picture i."""
        sets = CandidateSets(
            torch.arange(len(rows)), self.sets.uvd[rows], self.sets.errors_mm[rows],
            self.sets.displacement_mm[rows], self.sets.from_generator[rows],
        )  # fmt: skip
        return replace(
            self, people=self.people[rows], marks=self.marks[rows], sets=sets, in_plane_mm=self.in_plane_mm[rows]
        )

    def load(self, rows: Tensor, random: BatchRandom) -> LitRankingBatch:
        lit = random.uniform(len(rows)) >= self.dark
        return LitRankingBatch(rows, self.people.shown(rows, self.marks[rows], lit), self.sets.uvd[rows])


@dataclass(frozen=True)
class LitRankingBatch:
    """Some rows: people as they are seen, and where their candidates are, uvd (b, n, 29, 3)."""

    rows: Tensor
    seen: LitBatch
    uvd: Tensor


def train_lit_scorer(
    config: ScorerConfig,
    training: ScorerTraining,
    people: WithUnseen,
    judged: JudgedLitPeople,
    lifting: Mapping[str, Tensor],
    run: TrainingRun,
) -> Scorer:
    """A scorer that is told marks and looks, not calibrated yet. The branch learns from other people than the ranking.

    lifting: the state of a prompt branch that it begins with. Raises ValueError for a configuration of a scorer that is not lit.
    """
    torch.manual_seed(run.seed)
    scorer = Scorer(config).to(run.device)
    branch = scorer.branch
    if not isinstance(branch, LitBranch):
        raise ValueError("scorer.lit: expected the sizes of a lit branch, got none")
    branch.prompts.load_state_dict(dict(lifting))
    _train_branch(branch, people, training, run.of_stage("branch"))
    _train_ranking(scorer, judged, training, run.of_stage("ranking"))
    return scorer.eval()


def _train_branch(branch: LitBranch, people: WithUnseen, training: ScorerTraining, run: TrainingRun) -> None:
    """Its estimate."""

    def loss(batch: LitBatch, random: BatchRandom) -> tuple[Tensor, dict[str, Tensor]]:
        del random
        batch = batch.to(run.device)
        _, own = branch.lifted(batch.sight, batch.marks, batch.towards)
        return estimate_loss(own, batch.targets)

    marks = {"rows": str(len(people)), **marks_of(training.branch, run)}
    once(branch, lambda: fit(branch, loss, people, training.branch, run), marks, run)


def _train_ranking(scorer: Scorer, judged: JudgedLitPeople, training: ScorerTraining, run: TrainingRun) -> None:
    """The whole scorer."""

    def loss(batch: LitRankingBatch, random: BatchRandom) -> tuple[Tensor, dict[str, Tensor]]:
        del random
        seen = batch.seen.to(run.device)
        pictures, own = scorer.encode(seen.sight, seen.marks, seen.towards)
        ranked = torch.ones(len(batch.rows), dtype=torch.bool)
        total, logs = judgement_loss(
            scorer(pictures, batch.uvd.to(run.device)), judged.sets, batch.rows, ranked, training
        )
        own_error, _ = estimate_loss(own, seen.targets)
        return total + training.own_weight * own_error, {**logs, "own": own_error.detach()}

    fit(scorer, loss, judged, training.ranking, run)


def in_plane_loss(judged: Judgement, in_plane_mm: Tensor) -> Tensor:
    """How far keypoints are off across the crop (b, n, 29): each one's logarithm; the order of bodies by what is said of them,
    and by the score, which ranks by it beside the errors in 3D."""
    assert judged.log_in_plane is not None
    error = in_plane_mm.mean(-1, keepdim=True)
    said = -judged.log_in_plane.logsumexp(-1)  # of the mean in mm
    apart = displacement_loss(judged.log_in_plane, in_plane_mm, floor_mm=10.0)
    return DISPLACEMENT_WEIGHT * apart + ranknet_loss(said, error) + ranknet_loss(judged.score, error)


@torch.no_grad()
def judged_by(scorer: Scorer, judged: JudgedLitPeople, batch_size: int = 128) -> tuple[Tensor, Tensor, Tensor]:
    """Raw scores (n, m), displacements in mm (n, m, 29) and log-odds of a gross error (n, m)."""
    device, parts = scorer.token.device, []
    scorer.eval()
    for start in range(0, len(judged), batch_size):
        rows = torch.arange(start, min(start + batch_size, len(judged)))
        lit = torch.ones(len(rows), dtype=torch.bool)
        seen = judged.people.shown(rows, judged.marks[rows], lit).to(device)
        with autocast(device):
            pictures, _ = scorer.encode(seen.sight, seen.marks, seen.towards)
            one = scorer(pictures, judged.sets.uvd[rows].to(device))
        parts.append((one.score.cpu(), one.log_displacement.exp().cpu(), one.log_odds_gross.cpu()))
    score, displacement, odds = (torch.cat(column) for column in zip(*parts, strict=True))
    return score, displacement, odds


def calibrate_lit(scorer: Scorer, judged: JudgedLitPeople) -> Scorer:
    """Fit, on people that nothing was learnt from, the maps from raw scores to PVE and to the probability of a gross error."""
    scorer.calibration = Calibration()
    score, _, odds = judged_by(scorer, judged)
    errors = judged.sets.errors_mm[..., 0]
    gross = judged.sets.displacement_mm.amax(-1) > GROSS_MM
    scale, offset = fit_platt(odds.double().flatten().numpy(), gross.flatten().numpy())
    calibration = fit_calibration(score.double().flatten().numpy(), errors.double().flatten().numpy())
    scorer.calibration = replace(calibration, gross_scale=scale, gross_offset=offset)
    return scorer
