"""Deterministic models: one hypothesis for a picture, by the same words as the generator."""

from regressors.regressor import Regressor, RegressorConfig

__all__ = ["Regressor", "RegressorConfig"]
