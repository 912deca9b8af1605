"""Which labels do we keep?"""

from data_cleaning.rules import Verdict, keep_by_expected_error, keep_by_threshold, keep_fraction

__all__ = ["Verdict", "keep_by_expected_error", "keep_by_threshold", "keep_fraction"]
