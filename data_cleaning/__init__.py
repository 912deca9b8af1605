"""Which labels do we keep?"""

from data_cleaning.rules import ScoredLabels, Verdict

__all__ = ["ScoredLabels", "Verdict"]
