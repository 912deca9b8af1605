"""Deterministic regressors: of SMPL's 24 joints, and of bodies with hands and face.

Names are looked up when they are first used, so that a command can show its options without loading torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from regressors.config import CoEvoerConfig, ExpressiveConfig, RegressorConfig
    from regressors.expressive import ExpressiveRegressor
    from regressors.regressor import Regressor

_WHERE = {
    "CoEvoerConfig": "regressors.config",
    "Regressor": "regressors.regressor",
    "RegressorConfig": "regressors.config",
    "ExpressiveRegressor": "regressors.expressive",
    "ExpressiveConfig": "regressors.config",
}
__all__ = ["CoEvoerConfig", "ExpressiveConfig", "ExpressiveRegressor", "Regressor", "RegressorConfig"]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(_WHERE[name]), name)
