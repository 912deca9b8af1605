"""The released denoiser and its sampler reproduce the reference code's outputs."""

import pytest
import torch
from recipe import recipe_weights

from diffusion_hmr.released.convert import hypo_net_from_released
from diffusion_hmr.released.hypo_net import ReleasedHypoNet, ReleasedHypoNetConfig
from diffusion_hmr.released.sampler import TIMESTEPS, cumulative_alphas, ddim, keypoints_in_crop, start
from hmr.networks.hypo_decoder import HypoDecoderConfig
from hmr.networks.released import read_released


@pytest.fixture(scope="module")
def hypo_net(official_spec):
    return hypo_net_from_released(recipe_weights(official_spec("hyponet_spec.json")))


def state(f: dict[str, torch.Tensor], keypoints: str, twists: str) -> torch.Tensor:
    return torch.cat([f[keypoints].reshape(2, -1, 87), f[twists].reshape(2, -1, 46)], -1)


@pytest.mark.official
def test_the_denoiser_equals_the_released_one(official, hypo_net):
    f = {k: torch.from_numpy(v) for k, v in official("hyponet_forward.npz").items()}
    with torch.no_grad():
        noise = hypo_net(state(f, "xinj", "xint"), f["t"].view(2, 3), f["ctx_global"], f["ctx_local"])
    torch.testing.assert_close(noise, state(f, "eps_j", "eps_t"), atol=1e-4, rtol=0)


@pytest.mark.official
def test_four_calls_give_the_released_trajectory(official, hypo_net):
    f = {k: torch.from_numpy(v) for k, v in official("ddim_trajectory.npz").items()}
    context = {k: torch.from_numpy(v) for k, v in official("hyponet_forward.npz").items()}
    assert tuple(f["call_t"].tolist()) == TIMESTEPS
    torch.testing.assert_close(cumulative_alphas(), f["abar"], atol=1e-12, rtol=0)

    def noise_of(x: torch.Tensor, t: int) -> torch.Tensor:
        return hypo_net(x, torch.full(x.shape[:2], t), context["ctx_global"], context["ctx_local"])

    with torch.no_grad():
        x = ddim(noise_of, state(f, "xT_j", "xT_t"))
    last = state({"j": f["xs_j"][-1], "t": f["xs_t"][-1]}, "j", "t")
    torch.testing.assert_close(x, last, atol=1e-3, rtol=1e-4)
    crop = keypoints_in_crop(x[..., :87]).flatten(0, 1)
    torch.testing.assert_close(crop, f["uvd_crop"], atol=5e-3, rtol=1e-4)


def test_the_first_hypothesis_starts_at_zeros():
    x = start(torch.randn(2, 3, 133))
    assert (x[:, 0] == 0).all()
    assert (x[:, 1:] != 0).any()


def test_exact_noise_leads_back_to_the_sample():
    x_0, noise = torch.randn(1, 1, 133, dtype=torch.float64), torch.randn(1, 1, 133, dtype=torch.float64)
    a = cumulative_alphas()[999]
    sample = ddim(lambda x, t: noise, a.sqrt() * x_0 + (1 - a).sqrt() * noise)
    torch.testing.assert_close(sample, x_0)


def test_averaged_weights_take_their_names_from_the_plain_ones(tmp_path):
    weights = {"a": torch.zeros(1), "b": torch.ones(1)}
    torch.save({"model": weights, "ema": {"decay": 0.9, "shadow_params": [torch.full((1,), 5.0), torch.ones(1)]}},
               tmp_path / "x.pth")  # fmt: skip
    assert float(read_released(tmp_path / "x.pth", "ema", "model")["a"]) == 5


def test_hypotheses_do_not_see_each_other():
    decoder = HypoDecoderConfig(width=64, heads=4, ffn=64, reach=(3, 1))
    torch.manual_seed(0)
    network = ReleasedHypoNet(ReleasedHypoNetConfig((2, 2), 32, 16, decoder)).eval()
    x, t = torch.randn(2, 3, 133), torch.tensor([[1, 5, 9], [2, 4, 8]])
    context = (torch.randn(2, 64, 2, 2), torch.randn(2, 52, 32))
    with torch.no_grad():
        together, alone = network(x, t, *context), network(x[:, 1:2], t[:, 1:2], *context)
    torch.testing.assert_close(together[:, 1:2], alone, atol=1e-5, rtol=1e-5)
