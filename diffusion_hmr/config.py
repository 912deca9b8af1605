"""The generator's architecture, objective, sampler and training. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from hmr.networks.config import BlocksConfig, ImageBranchConfig, LitBranchConfig, PromptBranchConfig
from hmr.training.config import AugmentConfig, DetectorNoise, FitConfig

SamplerName = Literal["dpm-solver++", "ddim"]


#: What the network predicts, by diffusers' names: v (Salimans and Ho 2022), the sample x_0, or the noise.
PredictionType = Literal["v_prediction", "sample", "epsilon"]


@dataclass(frozen=True)
class GeneratorConfig:
    """The generator's architecture and objective.

    Attributes:
        size: side of the crops in pixels.
        enlarge: how many times a person's box a crop is.
        body: family of the body model that it was trained on.
        branch: what looks at pictures.
        prompts: what is told marks instead of pictures; None: pictures are looked at.
        lit: what is told marks and looks at pictures through a frozen network, which learnt from photographs. It or ``prompts``.
        prediction, sampler, sampling_steps: see ``diffusion_hmr.objective``.
        temperature: standard deviation of the noise that sampling starts from; above 1 samples lie wider apart than the network
            has learnt. Chosen by the energy score where a generator is surer than it should be.
        chunk: hypotheses that are denoised at once on a CPU (more of them no longer fit its caches); 64 times as many on a GPU.
    """

    size: int = 64
    enlarge: float = 1.2
    body: str = "free-body"
    branch: ImageBranchConfig = field(default_factory=ImageBranchConfig)
    prompts: PromptBranchConfig | None = None
    lit: LitBranchConfig | None = None
    denoiser: BlocksConfig = field(default_factory=BlocksConfig)
    prediction: PredictionType = "v_prediction"
    sampler: SamplerName = "dpm-solver++"
    sampling_steps: int = 8
    temperature: float = 1.0
    chunk: int = 320

    def __post_init__(self) -> None:
        if self.prompts is not None and self.lit is not None:
            raise ValueError("generator: expected prompts or lit, one of the two, got both")


@dataclass(frozen=True)
class GeneratorTraining:
    """The two fits of a generator: the image branch, then the denoiser on the frozen branch's features.

    branch_share: share of the pictures that the branch learns from. The denoiser learns from the others: on pictures that the
    branch has seen its own estimate is better than it will ever be again, and a denoiser that learnt from those is too sure.
    augment: of the pictures that the branch learns from; the denoiser's are as they are.
    """

    branch: FitConfig = field(default_factory=lambda: FitConfig(steps=800, batch_size=64, lr=1e-2))
    denoiser: FitConfig = field(default_factory=lambda: FitConfig(steps=600, batch_size=128, lr=4e-3, ema_decay=0.995))
    branch_share: float = 0.67
    augment: AugmentConfig = field(default_factory=AugmentConfig)


@dataclass(frozen=True)
class PromptedTraining:
    """The two fits of a prompted generator.

    Attributes:
        people: that are made once; what is marked of them is drawn anew at every step.
        noise: of the marks.
        draws: noise levels per person and step of the denoiser.
    """

    branch: FitConfig = field(default_factory=lambda: FitConfig(steps=4000, batch_size=384, lr=2e-3, ema_decay=0.998))
    denoiser: FitConfig = field(default_factory=lambda: FitConfig(steps=2000, batch_size=128, lr=3e-3, ema_decay=0.998))
    people: int = 200_000
    noise: DetectorNoise = field(default_factory=DetectorNoise)
    draws: int = 2
