"""ScoreNet with the HRNet branch that it looks through: released weights as a scorer of bodies in pictures."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from hmr.body import BodyModel
from hmr.hypotheses import Hypotheses
from hmr.networks.checkpoint import Pretrained
from hmr.networks.hrnet_branch import HrnetBranch, HrnetBranchConfig, normalised
from hmr.networks.precision import autocast
from hmr.pose_state import PoseState, state_from_body
from hmr.views import Views, check_same_pictures
from scorer.released.score_net import ReleasedScoreNet, ReleasedScoreNetConfig
from scorer.scores import Scores


@dataclass(frozen=True)
class ReleasedScoreNetScorerConfig:
    """size: side in pixels of the crops that it looks at; others are resampled."""

    size: int = 256
    branch: HrnetBranchConfig = field(default_factory=lambda: HrnetBranchConfig(with_shape=False))
    score_net: ReleasedScoreNetConfig = field(default_factory=ReleasedScoreNetConfig)


class ReleasedScoreNetScorer(Pretrained):
    """An ``AnyScorer``: see the module's docstring. Its raw scores are not calibrated: expected errors are NaN."""

    kind, config_type = "released-score-net-scorer", ReleasedScoreNetScorerConfig
    says_errors = False

    def __init__(self, config: ReleasedScoreNetScorerConfig) -> None:
        super().__init__()
        self.config = config
        self.branch, self.score_net = HrnetBranch(config.branch), ReleasedScoreNet(config.score_net)

    @property
    def crop_size(self) -> int:
        return self.config.size

    @property
    def crop_enlarge(self) -> float:
        return 1.2

    @torch.no_grad()
    def score(self, views: Views, hypotheses: Hypotheses, model: BodyModel, batch_size: int = 16) -> Scores:
        """As ``scorer.Scorer.score``. Crops of any size are resampled to the scorer's own."""
        check_same_pictures(views, hypotheses.key)
        state = state_from_body(hypotheses.params, model, views.K[:, None], views.size)
        device = next(self.parameters()).device
        self.eval()
        parts = []
        for first in range(0, len(views), batch_size):
            rows = slice(first, first + batch_size)
            some = PoseState(state.uvd[rows].clamp(-4, 4).to(device), state.twist[rows].to(device))
            with autocast(device):
                parts.append(self._judged(views.pictures(rows).to(device), some).float().cpu())
        value = torch.cat(parts)
        unknown = torch.full_like(value, torch.nan)
        off = torch.full(state.uvd.shape[:-1], torch.nan)
        return Scores(views.key, value, off, unknown, (unknown, unknown), unknown)

    def _judged(self, rgb: Tensor, state: PoseState) -> Tensor:
        """Pictures (b, 3, s, s) in [0, 1] and states [b, n] to raw scores (b, n)."""
        size = self.config.size
        if rgb.shape[-1] != size:
            rgb = nn.functional.interpolate(rgb, (size, size), mode="bilinear", antialias=True, align_corners=False)
        features = self.branch(normalised(rgb))
        return self.score_net.judge(features.coarse, features.local_map.float(), state.uvd, state.twist)

    def score_uvd(self, views: Views, uvd: Tensor, known: Tensor, batch_size: int = 16) -> Scores:
        """Raises ValueError: ScoreNet looks at twists too, which keypoints alone do not have."""
        del views, uvd, known, batch_size
        raise ValueError(
            "ScoreNet looks at the twists of bodies too: give candidates as bodies, or rank by an HMR-Scorer"
        )
