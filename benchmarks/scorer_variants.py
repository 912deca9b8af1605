"""The scorers of the paper's Table 1 on our encoder, for comparison only; ``scorer`` holds the one that is used.

All are ranked by the paper's loss: RankNet over PVE, MPJPE, PA-PVE and PA-MPJPE.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import roma
import torch
from torch import Tensor, nn

from hmr.body import BodyModel
from hmr.camera import bearing
from hmr.displacement import uvd_of
from hmr.hypotheses import Hypotheses
from hmr.inverse_kinematics import twists_from_rotations
from hmr.networks.blocks import Blocks
from hmr.networks.conditions import Estimate
from hmr.networks.encoder import sample_map
from hmr.networks.image_branch import ImageBranch
from hmr.networks.precision import autocast
from hmr.samples import Samples
from hmr.skeleton import BONE_CHILD, NUM_JOINTS, NUM_KEYPOINTS, NUM_TWISTS
from hmr.views import Views
from scorer.config import ScorerConfig


@dataclass(frozen=True)
class Candidates:
    """uvd (b, n, 29, 3), twist (b, n, 23, 2), rotvec (b, n, 24, 3): the same bodies in three descriptions."""

    uvd: Tensor
    twist: Tensor
    rotvec: Tensor

    def __getitem__(self, rows) -> Candidates:
        return Candidates(self.uvd[rows], self.twist[rows], self.rotvec[rows])

    @staticmethod
    def cat(parts: list[Candidates]) -> Candidates:
        return Candidates(*(torch.cat([getattr(p, k) for p in parts]) for k in ("uvd", "twist", "rotvec")))

    @classmethod
    def of(cls, views: Views, hypotheses: Hypotheses, model: BodyModel) -> Candidates:
        params = hypotheses.params
        rotations = torch.cat([params.R_cam_root[..., None, :, :], params.R_parent_joint], -3)
        return cls(
            uvd_of(params, views.K, views.size, model),
            twists_from_rotations(params.R_parent_joint, model.rest_keypoints(params.shape)),
            roma.rotmat_to_rotvec(rotations),
        )


class Variant(nn.Module, ABC):
    """Tokens of a candidate, attention over the picture, a score. Subclasses say what the tokens are."""

    tokens: int
    trains_encoder = True

    def __init__(self, config: ScorerConfig) -> None:
        super().__init__()
        c, d = config.branch.encoder.channels, config.blocks.width
        self.size, self.channels, self.width = config.size, c, d
        self.branch = ImageBranch(config.branch, config.size)
        self.memory_in, self.local_in = nn.Linear(c, d), nn.Linear(c, d)
        self.token = nn.Parameter(0.02 * torch.randn(self.tokens, d))
        self.blocks = Blocks(config.blocks)
        self.head = nn.Sequential(nn.Linear(self.tokens * d, 128), nn.GELU(approximate="tanh"), nn.Linear(128, 1))
        self.inputs()

    @abstractmethod
    def inputs(self) -> None:
        """The layers that describe a candidate."""

    @abstractmethod
    def describe(self, local_map: Tensor, candidates: Candidates) -> Tensor:
        """(b, n, tokens, d)."""

    def forward(self, rgb: Tensor, towards: Tensor, candidates: Candidates) -> tuple[Tensor, Estimate]:
        """Scores (b, n), and the encoder's own estimate, which keeps it a mesh-recovery encoder while ranking is learnt."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.trains_encoder):
            memory, local_map, own = self.branch(rgb, towards)
        x = self.describe(local_map, candidates) + self.token
        x = self.blocks(x, self.blocks.memory(self.memory_in(memory)))
        return self.head(x.flatten(-2))[..., 0].float(), own

    @torch.no_grad()
    def score(self, samples: Samples, candidates: Candidates, batch_size: int = 64) -> Tensor:
        self.eval()
        towards, out = bearing(samples.K, samples.size), []
        for start in range(0, len(samples), batch_size):
            rows = slice(start, start + batch_size)
            with autocast(torch.device("cpu")):
                out.append(self(samples.rgb[rows].float() / 255, towards[rows], candidates[rows])[0])
        return torch.cat(out)


class Full(Variant):
    """The paper's: UVD of 29 keypoints and features at them."""

    tokens = NUM_KEYPOINTS

    def inputs(self) -> None:
        self.uvd_in = nn.Linear(3, self.width)

    def describe(self, local_map: Tensor, candidates: Candidates) -> Tensor:
        local = sample_map(local_map, candidates.uvd[..., :2])
        return self.uvd_in(candidates.uvd) + self.local_in(local)


class NoDepth(Full):
    """-2D: the keypoints' places in the picture only."""

    def describe(self, local_map: Tensor, candidates: Candidates) -> Tensor:
        flat = candidates.uvd * torch.tensor([1.0, 1.0, 0.0])
        return super().describe(local_map, Candidates(flat, candidates.twist, candidates.rotvec))


class PoseVectors(Variant):
    """-P: rotation vectors of the joints; without places there are no features to look up."""

    tokens = NUM_JOINTS

    def inputs(self) -> None:
        self.rotvec_in = nn.Linear(3, self.width)

    def describe(self, local_map: Tensor, candidates: Candidates) -> Tensor:
        return self.rotvec_in(candidates.rotvec)


class ScoreNet(Variant):
    """ScoreHypo's: twist tokens beside the keypoints, on the frozen features of the generator's own image branch."""

    tokens = NUM_KEYPOINTS + NUM_TWISTS
    trains_encoder = False

    def inputs(self) -> None:
        self.uvd_in, self.twist_in = nn.Linear(3, self.width), nn.Linear(2, self.width)

    def describe(self, local_map: Tensor, candidates: Candidates) -> Tensor:
        uv = candidates.uvd[..., :2]
        middles = 0.5 * (uv[:, :, 1:NUM_JOINTS] + uv[:, :, list(BONE_CHILD[1:])])
        local = sample_map(local_map, torch.cat([uv, middles], 2))
        own = torch.cat([self.uvd_in(candidates.uvd), self.twist_in(candidates.twist)], 2)
        return own + self.local_in(local)


VARIANTS: dict[str, type[Variant]] = {"ScoreNet": ScoreNet, "-P": PoseVectors, "-2D": NoDepth, "full": Full}
