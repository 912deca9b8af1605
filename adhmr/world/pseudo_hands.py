"""Pseudo-labels of bodies with hands: the errors of ``pseudo_labels.mixed_labels`` on the body, and bad hands on good bodies."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from roma import rotmat_to_rotvec, rotvec_to_rotmat
from torch import Tensor

from adhmr.world.pseudo_labels import mixed_labels
from hmr.body import BodyModel, BodyParams
from hmr.body_codec import arrays_of_bodies, write_arrays
from hmr.samples import Samples
from hmr.skeleton_smplx import SMPLX

_HANDS = ("left_hand", "right_hand")
_WRISTS = [SMPLX.joint_names.index(f"{side}_wrist") - 1 for side in ("left", "right")]
_FINGERS = {part: [joint - 1 for joint in SMPLX.part_joints[part]] for part in _HANDS}


@dataclass(frozen=True)
class HiddenHandTruth:
    """What a cleaning run must not see: the true bodies, whether a body is grossly wrong (n,), whose hands are (n, 2)."""

    label: BodyParams
    gross_body: np.ndarray
    bad_hand: np.ndarray


def _swapped_hands(R: Tensor) -> Tensor:
    """(n, 54, 3, 3) with each hand's fingers reflected onto the other hand."""
    reflect = torch.tensor([1.0, -1.0, -1.0])
    out = R.clone()
    for part, other in (_HANDS, _HANDS[::-1]):
        out[:, _FINGERS[part]] = rotvec_to_rotmat(rotmat_to_rotvec(R[:, _FINGERS[other]]) * reflect)
    return out


def mixed_expressive_labels(
    samples: Samples, seed: int, layout: BodyModel, gross_share: float = 0.35, bad_hands: float = 0.3
) -> tuple[Samples, HiddenHandTruth]:
    """A set to clean. A bad hand has another picture's fingers and a wrist turned by 0.8 to 1.6 radians."""
    truth, n = samples.label, len(samples)
    labelled, hidden = mixed_labels(samples.with_smpl_joints(), seed, layout, gross_share)
    generator = torch.Generator().manual_seed(seed + 1)
    R = truth.R_parent_joint.clone()
    flipped = torch.tensor([kind == "flipped left/right" for kind in hidden.error_kind])
    R = torch.where(flipped[:, None, None, None], _swapped_hands(R), R)
    R[:, :21] = labelled.label.R_parent_joint[:, :21]
    bad = torch.rand(n, 2, generator=generator) < bad_hands
    for column, part in enumerate(_HANDS):
        rows = torch.nonzero(bad[:, column])[:, 0]
        donors = torch.randperm(n, generator=generator)[: len(rows)]
        R[rows[:, None], torch.tensor(_FINGERS[part])] = R[donors[:, None], torch.tensor(_FINGERS[part])]
        axis = torch.nn.functional.normalize(torch.randn(len(rows), 3, generator=generator), dim=-1)
        angle = 0.8 + 0.8 * torch.rand(len(rows), 1, generator=generator)
        R[rows, _WRISTS[column]] = R[rows, _WRISTS[column]] @ rotvec_to_rotmat(axis * angle)
    body = labelled.label
    label = BodyParams(body.R_cam_root, R, body.shape, body.t_cam_root, truth.expression)
    kept = replace(samples, label=label, label_kind=("pseudo",) * n)
    return kept, HiddenHandTruth(truth, hidden.gross, bad.numpy())


def save_hidden_hand_truth(path: Path, truth: HiddenHandTruth) -> None:
    write_arrays(path, {**arrays_of_bodies(truth.label), "gross_body": truth.gross_body, "bad_hand": truth.bad_hand})
