"""What a preference optimisation is told. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass, field

from hmr.training.config import FitConfig, TimestepWeighting


@dataclass(frozen=True)
class AlignConfig:
    """loss_type, loss_weights, label_smoothing: as in TRL's DPOConfig (``dpo.family``). beta: on errors averaged over the
    state's dimensions. timestep_weighting: of the errors, see ``dpo.timesteps``.

    ref_model_sync_steps, ref_model_mixup_alpha: every so many steps the reference becomes alpha * policy + (1 - alpha) *
    reference (TRL's names); alpha 0 keeps the base. lora_rank: of adapters on all linear layers, merged at the end (0: the whole
    denoiser is trained). candidates: M. pairs_per_picture: K. pictures_per_round: drawn anew every
    ``refresh_every`` steps. replay_weight: weight of the supervised error on replayed labels. diversity: see
    ``dpo.loss.energy_score_reward``.
    """

    fit: FitConfig = field(default_factory=lambda: FitConfig(steps=300, batch_size=48, lr=1e-4, weight_decay=0.0))
    loss_type: tuple[str, ...] = ("sigmoid",)
    loss_weights: tuple[float, ...] = (1.0,)
    label_smoothing: float = 0.0
    beta: float = 50.0
    timestep_weighting: TimestepWeighting = "uniform"
    ref_model_sync_steps: int = 12
    ref_model_mixup_alpha: float = 1.0
    lora_rank: int = 0
    candidates: int = 10
    pairs_per_picture: int = 2
    pictures_per_round: int = 50
    refresh_every: int = 12
    replay_weight: float = 20.0
    replay_batch: int = 48
    diversity: float = 0.4


@dataclass(frozen=True)
class GuardConfig:
    """check_every: steps. patience: checkups in a row that a slow fault must last. min_spread: share of the base's spread that
    must be left. max_margin: nats. warm_up: checkups after which the mean sample must be better than the base's."""

    check_every: int = 48
    patience: int = 2
    min_spread: float = 0.7
    max_margin: float = 3.0
    warm_up: int = 4
