"""Released networks with random weights and few of them: the released layout at a size that a test can afford."""

from __future__ import annotations

import torch

from diffusion_hmr.released.generator import ReleasedGenerator, ReleasedGeneratorConfig
from diffusion_hmr.released.hypo_net import ReleasedHypoNetConfig
from hmr.networks.hrnet_branch import HrnetBranchConfig
from hmr.networks.hypo_decoder import HypoDecoderConfig

SIZE = 64
DECODER = HypoDecoderConfig(width=64, heads=4, ffn=64, reach=(3, 1))
BRANCH = HrnetBranchConfig("hrnet_w18_small", coarse=64, local=32, pooled=64)


def small_released_generator(body: str = "smpl-neutral") -> ReleasedGenerator:
    """For crops of 64 px."""
    torch.manual_seed(0)
    hypo_net = ReleasedHypoNetConfig((SIZE // 32, SIZE // 32), 32, 16, DECODER)
    return ReleasedGenerator(ReleasedGeneratorConfig(SIZE, body, BRANCH, hypo_net)).eval()
