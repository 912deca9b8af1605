"""The released HypoNet's names to ours."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from diffusion_hmr.released.generator import ReleasedGenerator, ReleasedGeneratorConfig
from diffusion_hmr.released.hypo_net import ReleasedHypoNet, ReleasedHypoNetConfig
from hmr.networks.hrnet_branch import hrnet_branch_from_released
from hmr.networks.released import DECODER, Renames, fill, renamed

HYPO_NET: Renames = (
    *DECODER,
    (r"linear_start_t\.", "twists_in.linear."),
    (r"bn_start_t\.", "twists_in.norm."),
    (r"linear_final_j\.", "keypoints_out.linear."),
    (r"linear_final_t\.", "twists_out.linear."),
    (r"temb_dense\.0\.", "time_in."),
    (r"temb_dense\.1\.", "time_out."),
)


def hypo_net_from_released(weights: Mapping[str, Tensor]) -> ReleasedHypoNet:
    """From the content of ``model`` of a ScoreHypo or ADHMR checkpoint."""
    network = ReleasedHypoNet(ReleasedHypoNetConfig())
    fill(network, renamed(weights, HYPO_NET))
    return network.eval()


def released_generator(hypo_net: Mapping[str, Tensor], branch: Mapping[str, Tensor]) -> ReleasedGenerator:
    """Both networks of a checkpoint (``model`` and ``model_cond``) as one generator."""
    parts = hrnet_branch_from_released(branch), hypo_net_from_released(hypo_net)
    generator = ReleasedGenerator(ReleasedGeneratorConfig(branch=parts[0].config, hypo_net=parts[1].config))
    generator.branch, generator.hypo_net = parts
    return generator.eval()
