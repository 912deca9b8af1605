"""HMR-Scorer (ADHMR section 4.2): UVD of 29 keypoints, pixel-aligned local features, attention blocks, a score.

Beyond the paper: the encoder also estimates the body itself, with an uncertainty for each coordinate. A candidate's expected
displacement from that estimate is what it is judged by at first, and the blocks learn to correct that judgement.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hmr.body import BodyModel
from hmr.displacement import uvd_of
from hmr.hypotheses import Hypotheses
from hmr.networks.blocks import Blocks
from hmr.networks.checkpoint import config_from_dict, load_weights, read_config, save_network
from hmr.networks.conditions import Estimate
from hmr.networks.encoder import sample_map
from hmr.networks.image_branch import ImageBranch
from hmr.networks.lit_branch import LitBranch
from hmr.networks.precision import autocast
from hmr.networks.prompt_branch import at_keypoints
from hmr.skeleton import NUM_KEYPOINTS
from hmr.views import Views, check_crop_size, check_same_pictures
from scorer.config import ScorerConfig
from scorer.own_estimate import drawn_to_marks, expected_displacement, expected_in_plane
from scorer.scores import Calibration, CalibrationState, Scores

#: Scorers that come with the package; each has its model card beside it.
PACKAGED = Path(__file__).parent / "weights"


@dataclass(frozen=True)
class EncodedPictures:
    """b pictures, encoded once for all their candidates. marks (b, 29, 3): where keypoints are said to be, and how surely; None
    of a scorer that is told nothing."""

    memory: list[tuple[Tensor, Tensor]]
    local_map: Tensor
    own: Estimate
    marks: Tensor | None = None


@dataclass(frozen=True)
class Judgement:
    """score: (b, n), higher is better. log_displacement: (b, n, 29), logarithm of how many mm each keypoint is off.
    log_odds_gross: (b, n) that some keypoint is grossly off (``scorer.candidates.GROSS_MM``). log_in_plane: as log_displacement,
    across the crop alone; of a scorer that is told marks."""

    score: Tensor
    log_displacement: Tensor
    log_odds_gross: Tensor
    log_in_plane: Tensor | None = None


def difference_features(uvd: Tensor, own: Estimate) -> Tensor:
    """Candidates (b, n, 29, 3) against the own estimate: plain, in units of its uncertainty, and that uncertainty; (…, 15)."""
    plain = uvd - own.state.uvd[:, None]
    scale = own.uvd_scale[:, None].expand_as(plain)
    in_scales = torch.asinh(plain / scale)
    return torch.cat([plain, plain.abs(), in_scales, in_scales.abs(), scale.log()], -1)


def mark_features(uvd: Tensor, marks: Tensor) -> Tensor:
    """Candidates (b, n, 29, 3) against marks (b, 29, 3): how far off, how surely the mark is said, if at all; (…, 5)."""
    confidence = marks[:, None, :, 2:].expand(*uvd.shape[:-1], 1)
    there = (confidence > 0).to(uvd.dtype)
    off = (uvd[..., :2] - marks[:, None, :, :2]) * there
    return torch.cat(
        [off.clamp(-1, 1), 0.2 * torch.asinh(off.norm(dim=-1, keepdim=True) / 0.03), confidence, there], -1
    )


def mean_of_known(values: Tensor, known: Tensor | None) -> Tensor:
    """Over the last axis, (b, n, 29) to (b, n); of nothing it is zero."""
    if known is None:
        return values.mean(-1)
    return (values * known).sum(-1) / known.sum(-1).clamp_min(1)


class JudgementHead(nn.Module):
    """29 tokens (b, n, 29, d): all of them make the score and the odds, each its own keypoint's displacement.

    It starts at zero, as a correction that is not there yet.
    """

    def __init__(self, width: int, in_plane: bool = False) -> None:
        """in_plane: whether it says apart how far keypoints are off across the crop."""
        super().__init__()
        self.in_plane = nn.Linear(width, 1) if in_plane else None
        self.all_tokens = nn.Sequential(nn.Linear(NUM_KEYPOINTS * width, 128), nn.GELU(approximate="tanh"))
        self.score, self.gross, self.displacement = nn.Linear(128, 1), nn.Linear(128, 1), nn.Linear(width, 1)
        for layer in (self.score, self.gross, self.displacement, self.in_plane):
            if layer is not None:
                nn.init.zeros_(layer.weight)
                nn.init.zeros_(layer.bias)

    def forward(self, tokens: Tensor) -> Judgement:
        body = self.all_tokens(tokens.flatten(-2))
        return Judgement(
            self.score(body)[..., 0].float(),
            self.displacement(tokens)[..., 0].float(),
            self.gross(body)[..., 0].float(),
            None if self.in_plane is None else self.in_plane(tokens)[..., 0].float(),
        )


class MarksScale(nn.Module):
    """How far a mark is off, by its keypoint and its confidence: logarithm of a share of half the crop."""

    def __init__(self) -> None:
        super().__init__()
        # A sure mark is some 3 % off, one that is hardly believed 30 %.
        self.sure = nn.Parameter(torch.full((NUM_KEYPOINTS,), -3.5))
        self.unsure = nn.Parameter(torch.full((NUM_KEYPOINTS,), 2.3))

    def forward(self, confidence: Tensor) -> Tensor:
        """(b, 29) to (b, 29)"""
        return (self.sure + self.unsure * (1 - confidence)).clamp(-5, 1)


class Scorer(nn.Module):
    """Scores candidates. The paper's encoder is a ViT that was trained for mesh recovery; here it is trained for that first
    (``train_branch``), and keeps its own estimate of the body."""

    def __init__(self, config: ScorerConfig) -> None:
        super().__init__()
        self.config = config
        self.calibration_state = CalibrationState()
        self.branch = ImageBranch(config.branch, config.size) if config.lit is None else LitBranch(config.lit)
        c, d = self.branch.channels, config.blocks.width
        self.uvd_in, self.difference_in, self.local_in = nn.Linear(3, d), nn.Linear(15, d), nn.Linear(c, d)
        self.memory_in = nn.Linear(c, d)
        self.marks_in = None if config.lit is None else nn.Linear(5, d)
        self.marks_scale = None if config.lit is None else MarksScale()
        self.token = nn.Parameter(0.02 * torch.randn(NUM_KEYPOINTS, d))
        self.blocks = Blocks(config.blocks)
        self.head = JudgementHead(d, in_plane=self.is_lit)
        self.log_gain = nn.Parameter(torch.tensor(3.0))  # of the score, for a metre of expected displacement

    @property
    def calibration(self) -> Calibration:
        """Part of the state; see ``Calibration``."""
        return self.calibration_state.get()

    @calibration.setter
    def calibration(self, calibration: Calibration) -> None:
        self.calibration_state.set(calibration)

    @property
    def is_lit(self) -> bool:
        """Whether it is told marks, and looks through a frozen network."""
        return self.config.lit is not None

    says_errors = True

    @property
    def crop_size(self) -> int:
        return self.config.size

    @property
    def crop_enlarge(self) -> float:
        return self.config.enlarge

    def encode(self, *inputs: Any) -> tuple[EncodedPictures, Estimate]:
        """inputs: of b pictures, as the branch takes them (``inputs``). Also the encoder's own estimate."""
        memory, local_map, own = self.branch(*inputs)
        keys_values, told = self.blocks.memory(self.memory_in(memory)), own.detach()
        if self.marks_scale is None:
            return EncodedPictures(keys_values, local_map, told), own
        _, said, _ = inputs
        marks = at_keypoints(said)
        told = drawn_to_marks(told, marks, self.marks_scale(marks[..., 2]))
        return EncodedPictures(keys_values, local_map, told, marks), own

    def forward(self, pictures: EncodedPictures, uvd: Tensor, known: Tensor | None = None) -> Judgement:
        """Judge candidates uvd (b, n, 29, 3). known (b, n, 29): a keypoint that is not is taken where it is expected, and
        does not count in the score."""
        if known is not None:
            uvd = torch.where(known[..., None], uvd, pictures.own.state.uvd[:, None])
        local = sample_map(pictures.local_map, uvd[..., :2])
        difference = self.difference_in(difference_features(uvd, pictures.own))
        tokens = self.uvd_in(uvd) + difference + self.local_in(local) + self.token
        if self.marks_in is not None and pictures.marks is not None:
            tokens = tokens + self.marks_in(mark_features(uvd, pictures.marks))
        correction = self.head(self.blocks(tokens, pictures.memory))
        in_crop, relative = expected_displacement(uvd, pictures.own)
        in_plane = correction.log_in_plane
        if in_plane is not None:
            in_plane = in_plane + (1000 * expected_in_plane(uvd, pictures.own)).log()
        return Judgement(
            score=correction.score - self.log_gain.exp() * mean_of_known(relative, known),
            log_displacement=correction.log_displacement + (1000 * in_crop).log(),
            log_odds_gross=correction.log_odds_gross,
            log_in_plane=in_plane,
        )

    @torch.no_grad()
    def score(self, views: Views, hypotheses: Hypotheses, model: BodyModel, batch_size: int = 64) -> Scores:
        """Scores for all candidates; views and hypotheses must name the same pictures in the same order.

        Candidates are chunked, so memory does not grow with their number. A candidate that is not finite scores -inf.
        Raises ValueError when keys differ, or the pictures have another size than the scorer was trained on.
        """
        check_same_pictures(views, hypotheses.key)
        uvd = uvd_of(hypotheses.params, views.K, views.size, model)
        return self.score_uvd(views, uvd, torch.ones(uvd.shape[:-1], dtype=torch.bool), batch_size)

    def rank(self, views: Views, hypotheses: Hypotheses, model: BodyModel) -> tuple[Tensor, Scores]:
        """Numbers of each picture's candidates, best first (b, n), and their scores in the order of ``hypotheses``."""
        scores = self.score(views, hypotheses, model)
        return scores.value.argsort(dim=1, descending=True, stable=True), scores

    @torch.no_grad()
    def score_uvd(self, views: Views, uvd: Tensor, known: Tensor, batch_size: int = 64) -> Scores:
        """The same for keypoints alone: uvd (b, n, 29, 3), and which of them are known (b, n, 29)."""
        self.check_size(views)
        self.eval()
        device = self.token.device
        values: list[Tensor] = []
        displacements: list[Tensor] = []
        odds: list[Tensor] = []
        in_plane: list[Tensor] = []
        for start in range(0, len(views), batch_size):
            rows = slice(start, start + batch_size)
            with autocast(device):
                pictures, _ = self.encode(*self.branch.inputs(views[rows], device))
                chunks = zip(
                    uvd[rows].split(self.config.chunk, 1), known[rows].split(self.config.chunk, 1), strict=True
                )
                parts = [self._judge(pictures, part.to(device), which.to(device)) for part, which in chunks]
            values.append(torch.cat([part.score for part in parts], 1))
            displacements.append(torch.cat([part.log_displacement for part in parts], 1).exp())
            odds.append(torch.cat([part.log_odds_gross for part in parts], 1))
            if apart := [part.log_in_plane for part in parts if part.log_in_plane is not None]:
                in_plane.append(torch.cat(apart, 1).exp())
        value, calibration = torch.cat(values), self.calibration
        return Scores(
            key=views.key,
            value=value,
            displacement_mm=torch.cat(displacements),
            expected_error_mm=calibration(value),
            interval_mm=calibration.interval_mm(value),
            gross_probability=calibration.gross_probability(torch.cat(odds)),
            in_plane_mm=torch.cat(in_plane) if in_plane else None,
        )

    def _judge(self, pictures: EncodedPictures, uvd: Tensor, known: Tensor) -> Judgement:
        """As ``forward``, on the CPU. A candidate that is not finite, or of which nothing is known, is the worst there can be."""
        strange = ((~uvd.isfinite().all(-1)) & known).any(-1) | ~known.any(-1)
        judged = self(pictures, torch.nan_to_num(uvd), known)
        return Judgement(
            judged.score.masked_fill(strange, -torch.inf).cpu(),
            judged.log_displacement.masked_fill(strange[..., None], torch.inf).cpu(),
            judged.log_odds_gross.masked_fill(strange, torch.inf).cpu(),
            None
            if judged.log_in_plane is None
            else judged.log_in_plane.masked_fill(strange[..., None], torch.inf).cpu(),
        )

    def check_size(self, views: Views) -> None:
        check_crop_size("scorer", self.config.size, views.size)

    def save_pretrained(self, folder: Path, compact: bool = False) -> None:
        """compact: for weights that travel; see ``hmr.networks.compact``."""
        save_network(folder, "scorer", self, self.config, compact=compact)

    @classmethod
    def from_pretrained(cls, folder: Path) -> Scorer:
        config, content = read_config(folder, "scorer", ScorerConfig)
        scorer = cls(config)
        # Of version 0.1 the calibration stands beside the configuration.
        beside = content.get("calibration")
        load_weights(folder, scorer, may_lack=() if beside is None else ("calibration_state.",))
        if beside is not None:
            scorer.calibration = config_from_dict(Calibration, beside)
        return scorer.eval()


class BlindScorer(nn.Module):
    """The ablation that does not see the picture: how much of a ranking is mere plausibility of the pose?"""

    def __init__(self, config: ScorerConfig) -> None:
        super().__init__()
        d = config.blocks.width
        self.uvd_in, self.memory = nn.Linear(3, d), nn.Parameter(0.02 * torch.randn(1, 1, d))
        self.token = nn.Parameter(0.02 * torch.randn(NUM_KEYPOINTS, d))
        self.blocks = Blocks(config.blocks)
        self.head = JudgementHead(d)

    def forward(self, uvd: Tensor) -> Judgement:
        """Judge candidates uvd (b, n, 29, 3)."""
        memory = self.blocks.memory(self.memory.expand(len(uvd), -1, -1))
        judged = self.head(self.blocks(self.uvd_in(uvd) + self.token, memory))
        return replace(judged, log_displacement=judged.log_displacement + 5.0)  # about 150 mm

    @torch.no_grad()
    def score_uvd(self, uvd: Tensor, batch_size: int = 256) -> Tensor:
        """(b, n, 29, 3) to raw scores (b, n)."""
        self.eval()
        return torch.cat([self(uvd[i : i + batch_size]).score for i in range(0, len(uvd), batch_size)])
