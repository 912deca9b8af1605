"""The scales of label repair. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RepairConfig:
    """keypoint_sigma_share: expected error of a 2D keypoint as a share of the crop's side. anchor_rad, anchor_m, anchor_betas:
    how far rotations, keypoints and betas of a label are expected to be off; None for no anchor (on validation the one on
    keypoints did harm). prior: weight of the pose prior.
    steps, lr: of Adam."""

    keypoint_sigma_share: float = 2 / 256
    anchor_rad: float | None = 0.15
    anchor_m: float | None = None
    anchor_betas: float | None = 0.5
    prior: float = 1.0
    steps: int = 150
    lr: float = 0.02
