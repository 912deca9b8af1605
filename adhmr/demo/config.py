"""The demo's budgets: every size and step count of the run, fixed so that a seed repeats."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from diffusion_hmr.config import GeneratorTraining
from dpo.config import AlignConfig
from hmr.training.config import FitConfig
from scorer.config import ScorerTraining


@dataclass(frozen=True)
class DataSizes:
    """Pictures. source, wild: what the base is trained on. rendered: exact labels for the scorer's encoder beside source.
    judged: more of these, for its candidates. target: unlabelled, for alignment. calibration: held-out exact labels. checked:
    labels that somebody looked at, for the cleaning's threshold. tests: for the figures."""

    source: int = 12000
    wild: int = 6000
    rendered: int = 6000
    judged: int = 6000
    target: int = 1500
    calibration: int = 400
    checked: int = 800
    to_clean: int = 1000
    test: int = 160
    test_target: int = 400


def _aligned_for(steps: int) -> AlignConfig:
    recipe = AlignConfig()
    return replace(recipe, fit=replace(recipe.fit, steps=steps))


@dataclass(frozen=True)
class DemoConfig:
    """size: side of the pictures in pixels. candidates: M. judged_pictures: how many of the judged ones get the base's
    own samples beside noised truths, ``training_candidates`` each."""

    size: int = 64
    data: DataSizes = field(default_factory=DataSizes)
    generator: GeneratorTraining = field(default_factory=GeneratorTraining)
    scorer: ScorerTraining = field(default_factory=ScorerTraining)
    align: AlignConfig = field(default_factory=lambda: _aligned_for(250))
    candidates: int = 10
    training_candidates: int = 8
    judged_pictures: int = 2500
    seeds: int = 1


def budget(name: str) -> DemoConfig:
    """ "quick" (minutes on 2 cores), "full" (under an hour on 2 cores, three seeds) or "tiny" (seconds, for tests).

    Raises ValueError for another name.
    """
    if name == "quick":
        return DemoConfig()
    if name == "full":
        return DemoConfig(
            data=DataSizes(
                source=18000,
                wild=12000,
                rendered=12000,
                judged=12000,
                target=3000,
                calibration=800,
                checked=1600,
                to_clean=2000,
                test=250,
                test_target=800,
            ),
            generator=GeneratorTraining(
                branch=FitConfig(steps=3000, batch_size=64, lr=4e-3),
                denoiser=FitConfig(steps=2500, batch_size=128, lr=4e-3, ema_decay=0.998),
            ),
            scorer=ScorerTraining(
                branch=FitConfig(steps=3500, batch_size=64, lr=3e-3),
                ranking=FitConfig(steps=2500, batch_size=32, lr=2e-3),
            ),
            align=AlignConfig(),
            judged_pictures=6000,
            seeds=3,
        )
    if name == "tiny":
        few = FitConfig(steps=4, batch_size=8, lr=1e-3)
        return DemoConfig(
            data=DataSizes(48, 32, 48, 24, 24, 24, 24, 24, 12, 12),
            generator=GeneratorTraining(few, replace(few, ema_decay=0.9)),
            scorer=ScorerTraining(few, few),
            align=AlignConfig(fit=few, pictures_per_round=8, pairs_per_picture=3, refresh_every=2, replay_batch=4),
            judged_pictures=8,
        )
    raise ValueError(f"unknown budget '{name}': expected quick, full or tiny")
