"""p(body | picture): the diffusion generator, HypoNet's design sized by configuration."""

from diffusion_hmr.generator import Generator, GeneratorConfig

__all__ = ["Generator", "GeneratorConfig"]
