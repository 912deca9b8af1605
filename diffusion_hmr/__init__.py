"""p(body | picture): the diffusion generator, HypoNet's design sized by configuration.

Names are looked up when they are first used, so that a command can show its options without loading torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from diffusion_hmr.config import GeneratorConfig
    from diffusion_hmr.generator import Generator

_WHERE = {
    "Generator": "diffusion_hmr.generator",
    "GeneratorConfig": "diffusion_hmr.config",
}
__all__ = ["Generator", "GeneratorConfig"]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(_WHERE[name]), name)
