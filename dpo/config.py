"""What a preference optimisation is told. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from hmr.training.config import FitConfig, TimestepWeighting, check_number

#: expected: PVE, calibrated from the score. displacement: of the keypoints, on average. across: the same, across the picture
#: alone. both: displacement and twice across, for photographs: what lies across can be seen there, and depth is guessed.
ErrorKind = Literal["expected", "displacement", "across", "both"]


@dataclass(frozen=True)
class AlignConfig:
    """Preference optimisation of a generator.

    Attributes:
        fit: steps, batch size in pairs, learning rate.
        loss_type, loss_weights, label_smoothing: as in TRL's DPOConfig (``dpo.family``); released and released_marked are the
            loss of the released code, with both terms, and as it is on InstaVariety.
        beta: on errors averaged over the state's dimensions.
        timestep_weighting: of the errors at each time.
        ref_model_sync_steps, ref_model_mixup_alpha: every so many steps the reference becomes alpha * policy + (1 - alpha) *
            reference (TRL's names); alpha 0 keeps the base.
        disable_dropout: of the policy, so that it is the reference at the start (TRL's name); the released code leaves it on.
        lora_rank: of adapters on all linear layers, merged at the end (0: the whole denoiser is trained).
        candidates: M, drawn of each picture.
        pairs_per_picture: K.
        pictures_per_round: drawn anew every ``refresh_every`` steps.
        replay_weight, replay_batch: weight and number of replayed labels, for their supervised error.
        error: which of the scorer's words is a candidate's error: expected (PVE), displacement (of keypoints), across (the
            picture), or both (of these two).
        diversity: see ``dpo.loss.energy_score_reward``.
    """

    fit: FitConfig = field(default_factory=lambda: FitConfig(steps=300, batch_size=48, lr=1e-4, weight_decay=0.0))
    loss_type: tuple[str, ...] = ("sigmoid",)
    loss_weights: tuple[float, ...] = (1.0,)
    label_smoothing: float = 0.0
    beta: float = 50.0
    timestep_weighting: TimestepWeighting = "uniform"
    ref_model_sync_steps: int = 12
    ref_model_mixup_alpha: float = 1.0
    disable_dropout: bool = True
    lora_rank: int = 0
    candidates: int = 10
    pairs_per_picture: int = 2
    pictures_per_round: int = 50
    refresh_every: int = 12
    replay_weight: float = 20.0
    replay_batch: int = 48
    error: ErrorKind = "expected"
    diversity: float = 0.4

    def __post_init__(self) -> None:
        for name in (
            "candidates",
            "pairs_per_picture",
            "pictures_per_round",
            "refresh_every",
            "ref_model_sync_steps",
            "replay_batch",
        ):
            check_number(self, name, 1)
        for name in ("lora_rank", "replay_weight", "diversity"):
            check_number(self, name, 0)
        check_number(self, "beta", 0, above=True)
        check_number(self, "ref_model_mixup_alpha", 0, 1)
        if not 0 <= self.label_smoothing < 0.5:
            raise ValueError(f"label_smoothing: expected a number from 0 to below 0.5, got {self.label_smoothing}")
        if self.candidates < 2 * self.pairs_per_picture:
            raise ValueError(
                f"candidates: {self.pairs_per_picture} pairs a picture need at least {2 * self.pairs_per_picture}, got "
                f"{self.candidates}"
            )


@dataclass(frozen=True)
class GuardConfig:
    """When a watched run is stopped.

    Attributes:
        check_every: steps between checkups.
        patience: checkups in a row that a slow fault must last.
        min_spread: share of the base's spread that must be left.
        max_margin: nats.
        warm_up: checkups after which the mean sample must be better than the base's.
    """

    check_every: int = 48
    patience: int = 2
    min_spread: float = 0.7
    max_margin: float = 3.0
    warm_up: int = 4

    def __post_init__(self) -> None:
        for name in ("check_every", "patience"):
            check_number(self, name, 1)
        check_number(self, "min_spread", 0)
        check_number(self, "max_margin", 0, above=True)
