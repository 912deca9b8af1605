"""Score labels: a label is one candidate for its picture."""

from __future__ import annotations

from data_cleaning.rules import ScoredLabels
from hmr.body import BodyModel
from hmr.hypotheses import Hypotheses
from hmr.samples import Samples
from scorer.mirror import score_both_ways
from scorer.protocol import AnyScorer


def score_labels(scorer: AnyScorer, samples: Samples, model: BodyModel) -> ScoredLabels:
    """Scores of each label in its picture and in the mirror image. Raises ValueError when pictures have no labels."""
    if "none" in samples.label_kind:
        raise ValueError("there are pictures without labels; there is nothing to clean")
    labels = Hypotheses(samples.key, samples.label.reshape_batch(len(samples), 1), samples.K, "label", 0)
    scores = score_both_ways(scorer, samples, labels, model)
    return ScoredLabels(
        samples.key,
        scores.value[:, 0].numpy(),
        scores.expected_error_mm[:, 0].numpy(),
        scores.gross_probability[:, 0].numpy(),
        scores.displacement_mm[:, 0].numpy(),
    )
