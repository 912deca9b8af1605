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


class ScoreHead(nn.Module):
    """29 tokens to a score and a soundness: (b, n, 29, d) to (b, n, 2); higher is better in both."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(NUM_KEYPOINTS * width, 128), nn.GELU(approximate="tanh"), nn.Linear(128, 2)
        )

    def forward(self, tokens: Tensor) -> Tensor:
        return self.layers(tokens.flatten(-2)).float()


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
        self.head = ScoreHead(d)

    def encode(self, rgb: Tensor, towards: Tensor) -> tuple[EncodedPictures, Estimate]:
        """rgb (b, 3, s, s) in [0, 1], towards (b, 3) from ``hmr.camera.bearing``. Also the encoder's own estimate."""
        memory, local_map, own = self.branch(rgb, towards)
        return EncodedPictures(self.blocks.memory(self.memory_in(memory)), local_map, own.state.uvd), own

    def forward(self, pictures: EncodedPictures, uvd: Tensor) -> Tensor:
        """Candidates uvd (b, n, 29, 3) to raw scores and soundness (b, n, 2)."""
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
        values = []
        for start in range(0, len(samples), batch_size):
            rows = slice(start, start + batch_size)
            with autocast(device):
                pictures, _ = self.encode(samples.rgb[rows].to(device).float() / 255, towards[rows].to(device))
                parts = []
                for first in range(0, uvd_all.shape[1], self.config.chunk):
                    uvd = uvd_all[rows, first : first + self.config.chunk].to(device)
                    part = self(pictures, torch.nan_to_num(uvd))
                    strange = ~uvd.isfinite().all(-1).all(-1, keepdim=True)
                    parts.append(part.masked_fill(strange, -torch.inf).float().cpu())
                values.append(torch.cat(parts, 1))
        value, soundness = torch.cat(values).unbind(-1)
        return Scores(samples.key, value, soundness, self.calibration(value))

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
        self.head = ScoreHead(d)

    def forward(self, uvd: Tensor) -> Tensor:
        """(b, n, 29, 3) to (b, n, 2)."""
        memory = self.blocks.memory(self.memory.expand(len(uvd), -1, -1))
        return self.head(self.blocks(self.uvd_in(uvd) + self.token, memory))

    @torch.no_grad()
    def score_uvd(self, uvd: Tensor, batch_size: int = 256) -> Tensor:
        """(b, n, 29, 3) to raw scores (b, n)."""
        self.eval()
        return torch.cat([self(uvd[i : i + batch_size]) for i in range(0, len(uvd), batch_size)])[..., 0]
