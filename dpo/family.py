"""The family of preference losses by TRL's names (``loss_type`` of its DPOConfig), and their mixtures."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from functools import partial

from torch import Tensor

from dpo.loss import (
    PairErrors,
    PartErrors,
    apo_down_loss,
    apo_zero_loss,
    diffusion_dpo_loss,
    exo_pair_loss,
    hinge_loss,
    ipo_loss,
    kto_pair_loss,
    released_dpo_loss,
    released_marked_dpo_loss,
    robust_loss,
    winner_sft_loss,
)

#: Errors of pairs and beta to a loss for each pair, (p,).
PairLoss = Callable[[PairErrors, float], Tensor]
#: The same, with the mean implicit reward of the step before, which KTO measures rewards from.
AnchoredLoss = Callable[[PairErrors, float, Tensor], Tensor]

_PLAIN: dict[str, PairLoss] = {
    "sigmoid": diffusion_dpo_loss,
    "hinge": hinge_loss,
    "ipo": ipo_loss,
    "apo_zero": apo_zero_loss,
    "apo_down": apo_down_loss,
    "sft": winner_sft_loss,
}
_SMOOTHED = {"robust": robust_loss, "exo_pair": exo_pair_loss}
_ANCHORED: dict[str, AnchoredLoss] = {"kto": kto_pair_loss}


def _parts(errors: PairErrors) -> PartErrors:
    assert errors.parts is not None, "losses of the released code need errors by parts, see dpo.align.pair_errors"
    return errors.parts


#: Of the released ADHMR code, which tells keypoints and twists apart.
_RELEASED: dict[str, PairLoss] = {
    "released": lambda errors, beta: released_dpo_loss(_parts(errors).keypoints, _parts(errors).twists, beta),
    "released_marked": lambda errors, beta: released_marked_dpo_loss(_parts(errors).marked, beta),
}
LOSS_TYPES = (*_PLAIN, *_ANCHORED, *_SMOOTHED, *_RELEASED)


def _without_anchor(loss: PairLoss) -> AnchoredLoss:
    return lambda errors, beta, anchor: loss(errors, beta)


def _one(loss_type: str, label_smoothing: float) -> AnchoredLoss:
    if loss_type in _ANCHORED:
        return _ANCHORED[loss_type]
    plain = {**_PLAIN, **_RELEASED}
    if loss_type in plain:
        return _without_anchor(plain[loss_type])
    if loss_type not in _SMOOTHED:
        near = difflib.get_close_matches(loss_type, LOSS_TYPES, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(LOSS_TYPES)}"
        raise ValueError(f"unknown loss_type '{loss_type}': {hint}")
    if not 0 <= label_smoothing < 0.5:
        raise ValueError(f"{loss_type} needs a label_smoothing from 0 to below 0.5, got {label_smoothing}")
    if loss_type == "exo_pair" and label_smoothing == 0:
        raise ValueError("exo_pair needs a label_smoothing above 0 (its authors take 1e-3), got 0")
    return _without_anchor(partial(_SMOOTHED[loss_type], label_smoothing=label_smoothing))


def pair_loss(loss_type: tuple[str, ...], loss_weights: tuple[float, ...], label_smoothing: float) -> AnchoredLoss:
    """The weighted sum of losses of the family, as TRL mixes them.

    Raises ValueError for an unknown name, weights that do not match, or a smoothing that a loss is undefined for.
    """
    if not loss_type:
        raise ValueError(f"expected at least one loss_type of {', '.join(LOSS_TYPES)}")
    if len(loss_type) != len(loss_weights):
        raise ValueError(f"expected one weight for each of {list(loss_type)}, got {list(loss_weights)}")
    if not 0 <= label_smoothing < 0.5:
        raise ValueError(f"expected a label_smoothing from 0 to below 0.5, got {label_smoothing}")
    losses = [_one(name, label_smoothing) for name in loss_type]

    def mixed(errors: PairErrors, beta: float, anchor: Tensor) -> Tensor:
        weighted = [weight * loss(errors, beta, anchor) for loss, weight in zip(losses, loss_weights, strict=True)]
        return sum(weighted[1:], weighted[0])

    return mixed
