"""Labels that are wrong the way real pseudo-labels are, with the truth hidden beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from roma import rotvec_to_rotmat
from torch import Tensor

from adhmr.world.poses import pulled_to_rest
from hmr.body import BodyModel, BodyParams
from hmr.displacement import GROSS_MM, worst_displacement_mm
from hmr.perturb import choose, gaussian, mirrored, shifted, wrong_limb, wrong_scale
from hmr.samples import Samples

_BENT = ["left_elbow", "right_elbow", "left_knee", "right_knee", "left_hip", "right_hip"]


@dataclass(frozen=True)
class Bias:
    """What a labelling pipeline gets wrong systematically, and at random.

    lean: it assumes a level camera, so bodies lean by this angle (radians). prior: it shrinks the rotations of elbows, knees
    and hips to this share. sigma: random error of every rotation (radians per component). flipped: share of labels whose
    left and right are swapped.
    """

    lean: float = 0.25
    prior: float = 0.7
    sigma: float = 0.06
    flipped: float = 0.03


def biased_labels(samples: Samples, seed: int, bias: Bias) -> Samples:
    """Pseudo-labels of in-the-wild-like pictures, as real training sets have them."""
    generator = torch.Generator().manual_seed(seed)
    n, true = len(samples), samples.label
    about_x = torch.tensor([-bias.lean, 0.0, 0.0]).expand(n, 3)
    wrong = replace(
        true,
        R_cam_root=rotvec_to_rotmat(about_x) @ true.R_cam_root,
        R_parent_joint=pulled_to_rest(true.R_parent_joint, _BENT, bias.prior),
    )
    wrong = gaussian(wrong, torch.full((n,), bias.sigma), generator)
    flip = torch.rand(n, generator=generator) < bias.flipped
    return replace(samples, label=choose(flip.long(), [wrong, mirrored(wrong)]), label_kind=("pseudo",) * n)


ERROR_KINDS = ("small", "wrong limb", "flipped left/right", "wrong scale", "shifted box")


@dataclass(frozen=True)
class HiddenTruth:
    """What a cleaning run must not see: the true bodies, and what was done to each label (one of ERROR_KINDS)."""

    label: BodyParams
    error_kind: tuple[str, ...]

    @property
    def gross(self) -> np.ndarray:
        return np.array([kind != "small" for kind in self.error_kind])


def _symmetric(params: BodyParams, model: BodyModel, metres: float = 0.3) -> Tensor:
    """(n,) True where flipping left and right moves no keypoint by more than ``metres``."""
    return (model.keypoints(params) - model.keypoints(mirrored(params))).norm(dim=-1).amax(-1) < metres


def _redrawn(label: BodyParams, wrong: Callable[[BodyParams], Tensor], draw: Callable[[int], BodyParams]) -> BodyParams:
    """Draw bodies again, ``draw(try)``, where they are ``wrong`` (n,), up to ten times."""
    for attempt in range(10):
        again = wrong(label)
        if not bool(again.any()):
            break
        label = choose(again.long(), [label, draw(attempt)])
    return label


def mixed_labels(
    samples: Samples, seed: int, model: BodyModel, gross_share: float = 0.35, sigma: float = 0.05
) -> tuple[Samples, HiddenTruth]:
    """A set to clean: small random errors in all labels, gross ones in some.

    Small errors leave every keypoint within GROSS_MM of the truth in its crop, and a wrong limb takes one further than that:
    what is drawn otherwise is drawn again.
    """
    generator = torch.Generator().manual_seed(seed)
    n = len(samples)

    def gross(label: BodyParams) -> Tensor:
        return torch.from_numpy(worst_displacement_mm(replace(samples, label=label), samples.label, model) > GROSS_MM)

    def small_errors(attempt: int) -> BodyParams:
        return gaussian(samples.label, torch.full((n,), sigma * 0.8**attempt), generator)

    small = _redrawn(small_errors(0), gross, small_errors)
    limb = _redrawn(wrong_limb(small, generator), lambda x: ~gross(x), lambda attempt: wrong_limb(small, generator))
    options = [small, limb, mirrored(small), wrong_scale(small, generator), shifted(small, generator)]
    kind = torch.randint(1, len(ERROR_KINDS), (n,), generator=generator)
    kind = torch.where(torch.rand(n, generator=generator) < gross_share, kind, 0)
    # A pose that is nearly its own mirror image has no gross error when it is flipped: it gets a wrong limb.
    kind = torch.where((kind == ERROR_KINDS.index("flipped left/right")) & _symmetric(small, model), 1, kind)
    labelled = replace(samples, label=choose(kind, options), label_kind=("pseudo",) * n)
    return labelled, HiddenTruth(samples.label, tuple(ERROR_KINDS[k] for k in kind.tolist()))
