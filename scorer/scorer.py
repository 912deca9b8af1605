"""HMR-Scorer (ADHMR section 4.2): UVD of 29 keypoints, pixel-aligned local features, attention blocks, a score."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from hmr.body import BodyModel
from hmr.camera import bearing
from hmr.hypotheses import Hypotheses
from hmr.networks.blocks import Blocks, BlocksConfig
from hmr.networks.checkpoint import config_from_dict, load_weights, read_config, save_network
from hmr.networks.encoder import sample_map
from hmr.networks.fit import autocast
from hmr.networks.image_branch import Estimate, ImageBranch, ImageBranchConfig
from hmr.samples import Samples
from hmr.skeleton import NUM_KEYPOINTS
from scorer.candidates import uvd_of
from scorer.scores import Calibration, Scores


@dataclass(frozen=True)
class ScorerConfig:
    """size: side of the crops in pixels. chunk: candidates of a picture that are scored at once."""

    size: int = 64
    branch: ImageBranchConfig = field(default_factory=ImageBranchConfig)
    blocks: BlocksConfig = field(default_factory=BlocksConfig)
    chunk: int = 128


@dataclass(frozen=True)
class EncodedPictures:
    """b pictures, encoded once for all their candidates."""

    memory: list[tuple[Tensor, Tensor]]
    local_map: Tensor
    own_uvd: Tensor


@dataclass(frozen=True)
class Judgement:
    """score: (b, n), higher is better. log_displacement: (b, n, 29), logarithm of how many mm each keypoint is off."""

    score: Tensor
    log_displacement: Tensor


class JudgementHead(nn.Module):
    """29 tokens (b, n, 29, d): all of them make the score, each its own keypoint's displacement."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.score = nn.Sequential(
            nn.Linear(NUM_KEYPOINTS * width, 128), nn.GELU(approximate="tanh"), nn.Linear(128, 1)
        )
        self.displacement = nn.Linear(width, 1)
        nn.init.constant_(self.displacement.bias, 5.0)  # about 150 mm

    def forward(self, tokens: Tensor) -> Judgement:
        return Judgement(self.score(tokens.flatten(-2))[..., 0].float(), self.displacement(tokens)[..., 0].float())


class Scorer(nn.Module):
    """Scores candidates; its encoder also makes an own estimate of the body, which candidates are compared with.

    The paper's encoder is a ViT that was trained for mesh recovery; here it is trained for that first (``train_branch``).
    """

    def __init__(self, config: ScorerConfig) -> None:
        super().__init__()
        self.config = config
        self.calibration = Calibration()
        c, d = config.branch.encoder.channels, config.blocks.width
        self.branch = ImageBranch(config.branch, config.size)
        self.uvd_in, self.difference_in, self.local_in = nn.Linear(3, d), nn.Linear(6, d), nn.Linear(c, d)
        self.memory_in = nn.Linear(c, d)
        self.token = nn.Parameter(0.02 * torch.randn(NUM_KEYPOINTS, d))
        self.blocks = Blocks(config.blocks)
        self.head = JudgementHead(d)

    def encode(self, rgb: Tensor, towards: Tensor) -> tuple[EncodedPictures, Estimate]:
        """rgb (b, 3, s, s) in [0, 1], towards (b, 3) from ``hmr.camera.bearing``. Also the encoder's own estimate."""
        memory, local_map, own = self.branch(rgb, towards)
        return EncodedPictures(self.blocks.memory(self.memory_in(memory)), local_map, own.state.uvd), own

    def forward(self, pictures: EncodedPictures, uvd: Tensor) -> Judgement:
        """Judge candidates uvd (b, n, 29, 3)."""
        difference = uvd - pictures.own_uvd.detach()[:, None]
        local = sample_map(pictures.local_map, uvd[..., :2])
        tokens = (
            self.uvd_in(uvd)
            + self.difference_in(torch.cat([difference, difference.abs()], -1))
            + self.local_in(local)
            + self.token
        )
        return self.head(self.blocks(tokens, pictures.memory))

    @torch.no_grad()
    def score(self, samples: Samples, hypotheses: Hypotheses, model: BodyModel, batch_size: int = 64) -> Scores:
        """Scores for all candidates; samples and hypotheses must name the same pictures in the same order.

        Candidates are chunked, so memory does not grow with their number. A candidate that is not finite scores -inf.
        Raises ValueError when keys differ, or the pictures have another size than the scorer was trained on.
        """
        if samples.key != hypotheses.key:
            raise ValueError("samples and hypotheses must hold the same keys in the same order")
        self.check_size(samples)
        self.eval()
        device = self.token.device
        towards = bearing(samples.K, samples.size)
        uvd_all = uvd_of(hypotheses.params, hypotheses.K, samples.size, model)
        values: list[Tensor] = []
        displacements: list[Tensor] = []
        for start in range(0, len(samples), batch_size):
            rows = slice(start, start + batch_size)
            with autocast(device):
                pictures, _ = self.encode(samples.rgb[rows].to(device).float() / 255, towards[rows].to(device))
                parts = [self._judge(pictures, uvd.to(device)) for uvd in uvd_all[rows].split(self.config.chunk, dim=1)]
            values.append(torch.cat([part.score for part in parts], 1))
            displacements.append(torch.cat([part.log_displacement for part in parts], 1).exp())
        value, displacement = torch.cat(values), torch.cat(displacements)
        return Scores(samples.key, value, displacement, self.calibration(value))

    def _judge(self, pictures: EncodedPictures, uvd: Tensor) -> Judgement:
        """As ``forward``, on the CPU; candidates that are not finite are the worst there can be."""
        judged, strange = self(pictures, torch.nan_to_num(uvd)), ~uvd.isfinite().flatten(2).all(-1)
        return Judgement(
            judged.score.masked_fill(strange, -torch.inf).cpu(),
            judged.log_displacement.masked_fill(strange[..., None], torch.inf).cpu(),
        )

    def check_size(self, samples: Samples) -> None:
        if samples.size != self.config.size:
            raise ValueError(
                f"this scorer was trained on {self.config.size} px crops, the pictures are {samples.size} px"
            )

    def save_pretrained(self, folder: Path) -> None:
        save_network(folder, "scorer", self, self.config, {"calibration": dataclasses.asdict(self.calibration)})

    @classmethod
    def from_pretrained(cls, folder: Path) -> Scorer:
        config, content = read_config(folder, "scorer", ScorerConfig)
        scorer = cls(config)
        load_weights(folder, scorer)
        scorer.calibration = config_from_dict(Calibration, content.get("calibration", {}))
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
        return self.head(self.blocks(self.uvd_in(uvd) + self.token, memory))

    @torch.no_grad()
    def score_uvd(self, uvd: Tensor, batch_size: int = 256) -> Tensor:
        """(b, n, 29, 3) to raw scores (b, n)."""
        self.eval()
        return torch.cat([self(uvd[i : i + batch_size]).score for i in range(0, len(uvd), batch_size)])
