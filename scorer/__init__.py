"""How good is this body in this picture? One judgement for ranking, alignment and cleaning.

Names are looked up when they are first used, so that a command can show its options without loading torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scorer.config import ScorerConfig
    from scorer.scorer import Scorer
    from scorer.scores import Scores

_WHERE = {
    "Scorer": "scorer.scorer",
    "ScorerConfig": "scorer.config",
    "Scores": "scorer.scores",
}
__all__ = ["Scorer", "ScorerConfig", "Scores"]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(_WHERE[name]), name)
