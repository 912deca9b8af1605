"""How long and how a network is trained."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

#: "auto" is bf16 where the device is fast at it.
Precision = Literal["auto", "bf16", "no"]


@dataclass(frozen=True)
class FitConfig:
    """One training loop.

    Attributes:
        steps: of the optimiser.
        batch_size: over all processes.
        lr: at its peak; linear warm-up for ``warmup`` of the steps, then cosine decay to zero.
        ema_decay: of the averaged weights (0: none).
        precision: what the network is run in.
        gradient_accumulation_steps: parts that a process's batch is cut into, for memory; the result is the same.
        keep_last: training states that are kept on disk while the run lasts.
        shard: deal parameters, gradients and the optimiser's state out to the processes (FSDP2) instead of copying them to each,
            for backbones that are too large for that.
        workers: processes that read and augment pictures ahead of each training process (0: it does so itself).
    """

    steps: int = 1000
    batch_size: int = 128
    lr: float = 1e-3
    warmup: float = 0.05
    weight_decay: float = 0.01
    grad_clip: float = 1.0
    ema_decay: float = 0.0
    precision: Precision = "auto"
    gradient_accumulation_steps: int = 1
    keep_last: int = 1
    shard: bool = False
    workers: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "gradient_accumulation_steps", "keep_last"):
            check_number(self, name, 1)
        for name in ("lr", "grad_clip"):
            check_number(self, name, 0, above=True)
        check_number(self, "weight_decay", 0)
        check_number(self, "workers", 0)
        check_number(self, "warmup", 0, 1)
        check_number(self, "ema_decay", 0, 1)
        if self.precision not in get_args(Precision):
            raise ValueError(f"precision: expected one of {', '.join(get_args(Precision))}, got '{self.precision}'")


@dataclass(frozen=True)
class AugmentConfig:
    """Other pictures of the same bodies, in training only. All zero (and quality 100): none.

    Attributes:
        colour: brightness, contrast and saturation are each multiplied by 1 - colour to 1 + colour.
        blur_px: widest Gaussian, of half of the pictures.
        jpeg_quality: lowest, of half of the pictures.
        scale: enlarged or reduced by up to 1 + scale.
        rotation_deg: turned by up to so much either way.
    """

    colour: float = 0.0
    blur_px: float = 0.0
    jpeg_quality: int = 100
    scale: float = 0.0
    rotation_deg: float = 0.0

    def __post_init__(self) -> None:
        check_number(self, "colour", 0, 1)
        check_number(self, "jpeg_quality", 1, 100)
        check_number(self, "rotation_deg", 0, 180)
        for name in ("blur_px", "scale"):
            check_number(self, name, 0)

    @property
    def moves(self) -> bool:
        return self.scale > 0 or self.rotation_deg > 0

    @property
    def recolours(self) -> bool:
        return self.colour > 0 or self.blur_px > 0 or self.jpeg_quality < 100


def check_number(config: object, name: str, low: float, high: float = math.inf, *, above: bool = False) -> None:
    """Raises ValueError unless a field is a finite number from ``low`` to ``high`` (``above``: low itself is not)."""
    value = getattr(config, name)
    if not (low < value if above else low <= value) or not value <= high or value in (math.inf, -math.inf):
        bounds = f"{'above' if above else 'of at least'} {low:g}" + ("" if high == math.inf else f", at most {high:g}")
        raise ValueError(f"{name}: expected a number {bounds}, got {value}")


#: uniform: as the paper. min_snr: less at high signal, where errors are small and say little (Hang et al. 2023, gamma 5).
#: late: only the half of the steps with less noise, where a sample's details are decided.
TimestepWeighting = Literal["uniform", "min_snr", "late"]


@dataclass(frozen=True)
class DetectorNoise:
    """How far marks of people are off, as detectors' and annotators' are. Shares are of people or of points, lengths of the crop.

    Attributes:
        sigma: smallest and largest, of a person; log-uniform between.
        human: share of people whom a human marked: at most ``human_sigma`` off, confidence 1 or 0.5.
        hidden_missing: share of hidden points that are not marked.
        gross: share of points that are marked anywhere.
        swapped, pair_swapped: share of people whose sides are taken for each other, of pairs.
        missing: share of points that are not marked for no reason.
        withheld: share of people of whom some more points, up to a third, are not marked.
        nothing: share of people of whom nothing is marked.
    """

    sigma: tuple[float, float] = (0.003, 0.035)
    human: float = 0.3
    human_sigma: float = 0.012
    hidden_missing: float = 0.6
    gross: float = 0.012
    swapped: float = 0.03
    pair_swapped: float = 0.015
    missing: float = 0.03
    withheld: float = 0.4
    nothing: float = 0.02

    def __post_init__(self) -> None:
        for name in (
            "human", "human_sigma", "hidden_missing", "gross", "swapped", "pair_swapped", "missing", "withheld", "nothing",
        ):  # fmt: skip
            check_number(self, name, 0, 1)
        if not 0 < self.sigma[0] <= self.sigma[1]:
            raise ValueError(f"sigma: expected two numbers above 0, the smaller first, got {self.sigma}")


@dataclass(frozen=True)
class LitMarks:
    """What people are shown with to a branch that looks too. Shares are of people.

    Attributes:
        detected: whose marks are a detector's, of their pictures; the others' are simulated (``DetectorNoise``).
        thinned: who lose some marks, up to a third.
        nothing: who lose all of them: the picture must do.
        dark: of whom nothing is seen: marks must do.
    """

    detected: float = 0.55
    thinned: float = 0.3
    nothing: float = 0.1
    dark: float = 0.1

    def __post_init__(self) -> None:
        for name in ("detected", "thinned", "nothing", "dark"):
            check_number(self, name, 0, 1)
