"""The released picture branch reproduces the reference code's outputs."""

import pytest
import torch
from recipe import normal, recipe_weights

from hmr.networks.hrnet_branch import HrnetFeatures, hrnet_branch_from_released, soft_argmax


def halved(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The fixture's weights: convolutions times 0.6, so that 2000 layers do not overflow."""
    return {k: v * torch.tensor(0.6) if v.ndim == 4 else v for k, v in weights.items()}


@pytest.mark.official
@pytest.mark.parametrize("variant", ["hypo_net", "score_net"])
def test_the_picture_branch_equals_the_released_one(official, official_spec_content, variant):
    names = {"hypo_net": "state_dict", "score_net": "score_variant_state_dict"}[variant]
    spec = [(key, tuple(shape)) for key, shape, _ in official_spec_content("hrnet_spec.json")[names]]
    branch = hrnet_branch_from_released(halved(recipe_weights(spec)))
    f = {k: torch.from_numpy(v) for k, v in official("hrnet_forward.npz").items()}
    with torch.no_grad():
        features = branch(normal("image", 1, 3, 256, 256))
    if variant == "hypo_net":
        assert features.shape is not None
        got = {
            "global": features.coarse,
            "local": features.local(),
            "pred_2d": features.uv,
            "pred_shape": features.shape,
        }
    else:
        assert features.shape is None
        got = {
            "score_global": features.coarse,
            "score_pred_2d": features.uv,
            "score_local_map_corner": features.local_map[:, :, :4, :4],
        }
    for name, value in got.items():
        torch.testing.assert_close(value, f[name], atol=1e-4, rtol=1e-4, msg=lambda m, name=name: f"{name}: {m}")


def test_soft_argmax_finds_a_peak():
    heatmaps = torch.zeros(1, 1, 64, 64)
    heatmaps[0, 0, 16, 48] = 10.0
    torch.testing.assert_close(soft_argmax(heatmaps, 15.0), torch.tensor([[[0.5, -0.5]]]))


def test_twist_tokens_swap_x_and_y():
    """As released: the feature of a bone's middle is read at (v, u)."""
    ramp = torch.linspace(-1, 1, 64).expand(1, 1, 64, 64)  # its value is u
    uv = torch.tensor([0.5, -0.25]).expand(1, 29, 2)
    local = HrnetFeatures(ramp, ramp, uv, None).local()
    torch.testing.assert_close(local[0, :29, 0], torch.full((29,), 0.5))
    torch.testing.assert_close(local[0, 29:, 0], torch.full((23,), -0.25))
