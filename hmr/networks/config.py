"""Sizes of the networks that several packages share. Imports nothing heavy, so that commands can show their options at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class BlocksConfig:
    width: int = 64
    depth: int = 2
    heads: int = 2
    ffn: int = 128
    dropout: float = 0.0


@dataclass(frozen=True)
class EncoderConfig:
    """backbone: a timm model name. backbone_args: passed to ``timm.create_model`` (widths, depths, output_stride, …).

    pretrained: fetch timm's weights (needs a network; off by default). channels: width of both maps.
    deconvolutions: how many times the local map doubles the global one's resolution (the paper: one).
    lateral: indices of finer stages that are added to the local map, where the backbone is a pyramid.
    """

    backbone: str = "resnet18"
    backbone_args: dict[str, Any] = field(default_factory=lambda: {"channels": [32, 64, 128, 192]})
    pretrained: bool = False
    channels: int = 64
    deconvolutions: int = 3
    lateral: tuple[int, ...] = (1,)


@dataclass(frozen=True)
class ImageBranchConfig:
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    hidden: int = 256


@dataclass(frozen=True)
class PromptBranchConfig:
    """Of a branch that is told marks instead of pictures.

    Attributes:
        width, depth: of its residual blocks.
        channels: of the features that it gives.
        tokens: that it says of a person as a whole.
    """

    width: int = 768
    depth: int = 3
    channels: int = 64
    tokens: int = 4


@dataclass(frozen=True)
class LitBranchConfig:
    """Of a branch that is told marks and looks at what a frozen network sees.

    Attributes:
        prompts: of the part that is told marks, and lifts them with what is seen.
        squeezed: channels that maps are made of before they are lifted as a whole.
        seen: numbers that what is seen is made of before it joins the marks.
        dropout: of what is seen, in training: there are far fewer people in pictures than bodies to learn.
    """

    prompts: PromptBranchConfig = field(default_factory=PromptBranchConfig)
    squeezed: int = 16
    seen: int = 256
    dropout: float = 0.0
