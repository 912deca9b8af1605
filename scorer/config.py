"""The scorer's architecture and training. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass, field

from hmr.networks.config import BlocksConfig, ImageBranchConfig, LitBranchConfig
from hmr.training.config import AugmentConfig, FitConfig


@dataclass(frozen=True)
class ScorerConfig:
    """The scorer's architecture.

    Attributes:
        size: side of the crops in pixels.
        enlarge: how many times a person's box a crop is.
        body: family of the body model that it was trained on.
        lit: of a scorer that is told marks and looks through a frozen network; None: pictures are looked at by ``branch``.
        chunk: candidates of a picture that are scored at once.
    """

    size: int = 64
    enlarge: float = 1.2
    body: str = "free-body"
    branch: ImageBranchConfig = field(default_factory=ImageBranchConfig)
    lit: LitBranchConfig | None = None
    blocks: BlocksConfig = field(default_factory=BlocksConfig)
    chunk: int = 128


@dataclass(frozen=True)
class ScorerTraining:
    """The two fits of a scorer: its encoder as a mesh-recovery encoder (as the paper's ViT is), then the ranking.

    own_weight: weight of the encoder's own estimate while ranking is learnt; without it the estimate that candidates are
    compared with drifts away. qualities: the errors of QUALITIES to rank by; the paper sums all four, but half of those forget
    the body's orientation, which costs the ranking of a generator's samples (docs/scorer.md).
    part_weight: of ranking each part of the body by itself. augment: of the pictures of both fits.
    """

    branch: FitConfig = field(default_factory=lambda: FitConfig(steps=800, batch_size=64, lr=1e-2))
    ranking: FitConfig = field(default_factory=lambda: FitConfig(steps=560, batch_size=32, lr=2e-3))
    own_weight: float = 2.0
    qualities: tuple[str, ...] = ("pve", "mpjpe")
    part_weight: float = 5.0
    augment: AugmentConfig = field(default_factory=AugmentConfig)


@dataclass(frozen=True)
class CandidatesConfig:
    """noised: noised truths for each picture. judged_share: share of the pictures whose candidates ranking is learnt from, beside
    those of files. small: share of noised truths with little noise. gross: with little noise and a gross error."""

    noised: int = 8
    judged_share: float = 0.3
    small: float = 0.5
    gross: float = 0.35
