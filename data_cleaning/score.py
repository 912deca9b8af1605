"""Score labels: a label is one candidate for its picture, and its left-right swapped double another."""

from __future__ import annotations

import torch

from data_cleaning.decode import Decoded
from data_cleaning.rules import ScoredLabels
from hmr.body import BodyModel
from hmr.hypotheses import Hypotheses
from hmr.samples import Samples
from hmr.skeleton import MIRRORED_KEYPOINT
from scorer.mirror import score_both_ways, score_uvd_both_ways
from scorer.protocol import AnyScorer
from scorer.scores import Scores


def score_labels(scorer: AnyScorer, samples: Samples, model: BodyModel) -> ScoredLabels:
    """Scores of each label in its picture and in the mirror image."""
    labels = Hypotheses(samples.key, samples.label.reshape_batch(len(samples), 1), model.family, "label", 0)
    scores = score_both_ways(scorer, samples, labels, model)
    return ScoredLabels(
        samples.key,
        scores.value[:, 0].numpy(),
        scores.expected_error_mm[:, 0].numpy(),
        scores.gross_probability[:, 0].numpy(),
        scores.displacement_mm[:, 0].numpy(),
    )


def judge(scorer: AnyScorer, decoded: Decoded) -> Scores | None:
    """Of each label that can be judged its scores, (m, 2): as it is, and with left called right. None where there is none."""
    if decoded.views is None:
        return None
    swapped = list(MIRRORED_KEYPOINT)
    uvd = torch.stack([decoded.uvd, decoded.uvd[:, swapped]], 1)
    known = torch.stack([decoded.known, decoded.known[:, swapped]], 1)
    return score_uvd_both_ways(scorer, decoded.views, uvd, known)
