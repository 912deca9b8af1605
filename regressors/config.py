"""Architectures and training of the regressors. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from hmr.networks.config import BlocksConfig, EncoderConfig, ImageBranchConfig
from hmr.training.config import AugmentConfig, FitConfig


@dataclass(frozen=True)
class RegressorConfig:
    """The architecture of a regressor of SMPL's 24 joints.

    Attributes:
        size: side of the crops in pixels.
        enlarge: how many times a person's box a crop is.
        body: family of the body model that it was trained on.
    """

    size: int = 64
    enlarge: float = 1.2
    body: str = "free-body"
    branch: ImageBranchConfig = field(default_factory=ImageBranchConfig)
    head: BlocksConfig = field(default_factory=BlocksConfig)


ExchangeKind = Literal["enhancer", "self_attention", "apart"]


@dataclass(frozen=True)
class CoEvoerConfig:
    """What CoEvoer puts between features and heads. foreground: Portrait Foreground Extraction. exchange: how parts speak, and
    layers: how often. torso_tokens: prior interaction tokens for each of the three parts.
    """

    foreground: bool = True
    exchange: ExchangeKind = "enhancer"
    layers: int = 1
    torso_tokens: int = 6
    heads: int = 4


@dataclass(frozen=True)
class ExpressiveConfig:
    """The architecture of a regressor of bodies with hands and face.

    Attributes:
        size: side of the crops in pixels.
        enlarge: how many times a person's box a crop is.
        body: family of the body model that it was trained on.
        cells: a part is cropped to cells x cells features.
        between: what lies between features and heads; None is the OSX-like baseline.
    """

    size: int = 96
    enlarge: float = 1.2
    body: str = "free-body-with-hands"
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    cells: int = 4
    hidden: int = 256
    between: CoEvoerConfig | None = None


@dataclass(frozen=True)
class ExpressiveTraining:
    """Two fits.

    Attributes:
        places: the encoder learns where joints and parts are, first and by itself.
        bodies: then everything, together.
        augment: of the pictures of both.
    """

    places: FitConfig = field(default_factory=lambda: FitConfig(steps=1000, batch_size=48, lr=1e-2))
    bodies: FitConfig = field(default_factory=lambda: FitConfig(steps=600, batch_size=48, lr=3e-3))
    augment: AugmentConfig = field(default_factory=AugmentConfig)
