"""Deterministic models: one hypothesis for a picture, by the same words as the generator."""

from regressors.expressive import CoEvoerConfig, ExpressiveConfig, ExpressiveRegressor
from regressors.regressor import Regressor, RegressorConfig

__all__ = ["CoEvoerConfig", "ExpressiveConfig", "ExpressiveRegressor", "Regressor", "RegressorConfig"]
