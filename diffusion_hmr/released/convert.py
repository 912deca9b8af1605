"""The released HypoNet's names to ours."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from diffusion_hmr.released.hypo_net import ReleasedHypoNet, ReleasedHypoNetConfig
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
