"""Judge candidates in their pictures and in the mirror images, and take the mean: an encoder errs differently in the two."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from hmr.body import BodyModel
from hmr.displacement import uvd_of
from hmr.hypotheses import Hypotheses
from hmr.skeleton import MIRRORED_KEYPOINT
from hmr.views import Views, check_same_pictures
from scorer.protocol import AnyScorer
from scorer.scores import Scores


def mirror_images(views: Views) -> Views:
    """The pictures, their cameras and what is said of them, left for right, as pictures of their own; labels are left out."""
    K = views.K.clone()
    K[:, 0, 2] = views.size - K[:, 0, 2]
    mirrored = Views.whole(views.key, views.rgb[:].flip(-1), K)
    return mirrored if views.prompts is None else replace(mirrored, prompts=views.prompts.mirrored(views.size))


def mirror_uvd(uvd: Tensor) -> Tensor:
    """Keypoints (..., 29, 3) in the mirror image: left is called right there."""
    return uvd[..., list(MIRRORED_KEYPOINT), :] * torch.tensor([-1.0, 1.0, 1.0])


def score_both_ways(scorer: AnyScorer, views: Views, hypotheses: Hypotheses, model: BodyModel) -> Scores:
    """As ``scorer.score``, for twice the cost: means of scores, errors and their intervals, and of the log-odds.

    Raises ValueError when views and hypotheses do not hold the same pictures in the same order.
    """
    check_same_pictures(views, hypotheses.key)
    uvd = uvd_of(hypotheses.params, views.K, views.size, model)
    return score_uvd_both_ways(scorer, views, uvd, torch.ones(uvd.shape[:-1], dtype=torch.bool))


def score_uvd_both_ways(scorer: AnyScorer, views: Views, uvd: Tensor, known: Tensor) -> Scores:
    """The same for keypoints alone: uvd (b, n, 29, 3), and which of them are known (b, n, 29)."""
    plain = scorer.score_uvd(views, uvd, known)
    mirrored = scorer.score_uvd(mirror_images(views), mirror_uvd(uvd), known[..., list(MIRRORED_KEYPOINT)])

    def mean(a: Tensor, b: Tensor) -> Tensor:
        return 0.5 * (a + b)

    odds = mean(plain.gross_probability.double().logit(1e-9), mirrored.gross_probability.double().logit(1e-9))
    back = mirrored.displacement_mm[..., list(MIRRORED_KEYPOINT)]
    return Scores(
        key=plain.key,
        value=mean(plain.value, mirrored.value),
        displacement_mm=mean(plain.displacement_mm, back),
        expected_error_mm=mean(plain.expected_error_mm, mirrored.expected_error_mm),
        interval_mm=(
            mean(plain.interval_mm[0], mirrored.interval_mm[0]),
            mean(plain.interval_mm[1], mirrored.interval_mm[1]),
        ),
        gross_probability=odds.sigmoid().float(),
    )
