"""How good is this body in this picture? One judgement for ranking, alignment and cleaning."""

from scorer.scorer import Scorer, ScorerConfig
from scorer.scores import Scores

__all__ = ["Scorer", "ScorerConfig", "Scores"]
