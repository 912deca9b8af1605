"""The objective: schedule, targets, weights and samplers against numbers worked out by hand and against each other."""

import pytest
import torch

from diffusion_hmr.objective import NUM_TIMESTEPS, DiffusionObjective, min_snr_weights, noise_schedule
from hmr.training.batch_random import BatchRandom

PREDICTIONS = ("v_prediction", "sample", "epsilon")


@pytest.mark.parametrize(
    ("prediction", "expected"),
    # snr of the cosine schedule at 100, 500, 900 is 38.4, 0.98 and 0.024; min(snr, 5) over the factor of what is predicted,
    # divided by its mean over all timesteps.
    [("sample", (2.50, 0.48, 0.01)), ("epsilon", (0.18, 1.21, 1.21))],
)
def test_min_snr_weights_are_of_what_is_predicted(prediction, expected):
    weights = DiffusionObjective(prediction).weights("min_snr", torch.tensor([100, 500, 900]))
    assert weights.tolist() == pytest.approx(expected, abs=0.01)


def test_min_snr_weighs_the_same_error_alike_whatever_is_predicted():
    """One error in x_0 is snr of it in the noise, and snr + 1 in v: the weighted errors are equal."""
    alphas = torch.tensor([0.99, 0.5, 0.02], dtype=torch.float64)
    snr = alphas / (1 - alphas)
    in_units_of_x_0 = {"sample": torch.ones(3), "epsilon": snr, "v_prediction": snr + 1}
    for prediction, factor in in_units_of_x_0.items():
        weighted = min_snr_weights(alphas, prediction) * factor
        torch.testing.assert_close(weighted, snr.clamp_max(5.0))


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("weighting", ["uniform", "min_snr", "late"])
def test_weights_have_mean_one(weighting, prediction):
    weights = DiffusionObjective(prediction).weights(weighting, torch.arange(NUM_TIMESTEPS))
    assert float(weights.mean()) == pytest.approx(1.0, abs=1e-4)
    assert float(weights.min()) >= 0


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_corruption_and_target_say_where_the_sample_is(prediction):
    """From x_t and the target the sample follows: x_0 = sqrt(a) x_t - sqrt(1 - a) v, or (x_t - sqrt(1 - a) noise) / sqrt(a)."""
    g = torch.Generator().manual_seed(0)
    x_0, noise = torch.randn(2, 50, 7, generator=g).double().unbind(0)
    t = torch.randint(0, 900, (50,), generator=g)
    x_t, target = DiffusionObjective(prediction).corrupt(x_0, noise, t)
    a = noise_schedule(prediction).alphas_cumprod[t].double()[:, None]
    found = {
        "sample": target,
        "epsilon": (x_t - (1 - a).sqrt() * target) / a.sqrt(),
        "v_prediction": a.sqrt() * x_t - (1 - a).sqrt() * target,
    }[prediction]
    torch.testing.assert_close(found, x_0, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("sampler", ["ddim", "dpm-solver++"])
def test_a_network_that_knows_the_sample_is_led_to_it(prediction, sampler):
    """An oracle that says the right thing about one sample is integrated to that sample, whatever it predicts."""
    objective = DiffusionObjective(prediction, sampler, 8)
    x_0 = torch.linspace(-1, 1, 6).view(1, 2, 3)
    schedule = noise_schedule(prediction)
    calls = []

    def oracle(x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        calls.append(int(t[0, 0]))
        a = schedule.alphas_cumprod[t][..., None]
        noise = (x_t - a.sqrt() * x_0) / (1 - a).sqrt()
        return {"sample": x_0, "epsilon": noise, "v_prediction": a.sqrt() * noise - (1 - a).sqrt() * x_0}[prediction]

    start = torch.randn(1, 2, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(objective.integrate(oracle, start), x_0, rtol=1e-3, atol=1e-3)
    assert len(calls) == 8
    assert calls == sorted(calls, reverse=True)


def test_antithetic_times_mirror_each_other():
    t = DiffusionObjective().antithetic_times(5, 4, BatchRandom(0, torch.device("cpu")))
    assert t.shape == (5, 4)
    assert bool((t[:, :2] + t[:, 2:] == NUM_TIMESTEPS - 1).all())
