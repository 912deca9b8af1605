"""One objective: times, corruption, what a network should say, how much that counts, and the way from noise to a sample.

Training, sampling, preference optimisation and its timestep weights all ask this one value, so none of them can disagree with
another. A generator of another kind (flow matching, a released network) offers an objective of its own.

Symbols: x_t = sqrt(a) x_0 + sqrt(1 - a) noise with a = alphas_cumprod[t]; snr = a / (1 - a).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
from torch import Tensor

from diffusion_hmr.config import PredictionType, SamplerName
from hmr.training.batch_random import BatchRandom
from hmr.training.config import TimestepWeighting

NUM_TIMESTEPS = 1000
MIN_SNR_GAMMA = 5.0


@lru_cache(maxsize=3)
def noise_schedule(prediction: PredictionType) -> DDPMScheduler:
    """The forward process: cosine schedule with zero terminal SNR, trailing steps.

    A network that predicts the noise says nothing of the sample at pure noise, and hardly more just before it: its steps lead
    (the first of 8 is at 875 of 1,000) instead of trailing.
    """
    return DDPMScheduler(
        num_train_timesteps=NUM_TIMESTEPS,
        beta_schedule="squaredcos_cap_v2",
        prediction_type=prediction,
        rescale_betas_zero_snr=prediction != "epsilon",
        timestep_spacing="leading" if prediction == "epsilon" else "trailing",
        clip_sample=False,
    )


def min_snr_weights(alphas_cumprod: Tensor, prediction: PredictionType, gamma: float = MIN_SNR_GAMMA) -> Tensor:
    """(t,) weights of squared errors of what is predicted, such that all of them weigh min(snr, gamma) on x_0 (Hang et al. 2023,
    eq. 8 and section 3.4): an error in the noise is snr times one in x_0, an error in v snr + 1 times."""
    snr = alphas_cumprod / (1 - alphas_cumprod)
    on_sample = snr.clamp_max(gamma)
    return {"sample": on_sample, "epsilon": on_sample / snr.clamp_min(1e-12), "v_prediction": on_sample / (snr + 1)}[
        prediction
    ]


def timestep_weights(weighting: TimestepWeighting, alphas: Tensor, prediction: PredictionType) -> Tensor:
    """(t,) float32 weights of mean one for the schedule ``alphas`` (t,) float64, the cumulative products."""
    if weighting == "uniform":
        weights = torch.ones_like(alphas)
    elif weighting == "min_snr":
        weights = min_snr_weights(alphas, prediction)
    else:
        weights = (torch.arange(len(alphas)) < len(alphas) // 2).double()
    return (weights / weights.mean()).float()


@lru_cache(maxsize=9)
def _weights(weighting: TimestepWeighting, prediction: PredictionType) -> Tensor:
    return timestep_weights(weighting, noise_schedule(prediction).alphas_cumprod.double(), prediction)


@dataclass(frozen=True)
class DiffusionObjective:
    """A denoising diffusion objective (Ho et al. 2020), by diffusers' schedules.

    Attributes:
        prediction: what the network says of x_t: v (Salimans and Ho 2022), the sample x_0, or the noise.
        sampler: "ddim" (Song et al. 2021, eta 0) or "dpm-solver++" (Lu et al. 2022, second order, multistep), whose 8 steps keep
            as much of the spread as 20 of DDIM.
        steps: calls of the network for a sample.
    """

    prediction: PredictionType = "v_prediction"
    sampler: SamplerName = "dpm-solver++"
    steps: int = 8

    def times(self, count: int, draws: int, random: BatchRandom) -> Tensor:
        """(count, draws) uniform timesteps."""
        return random.integers(NUM_TIMESTEPS, count, draws)

    def antithetic_times(self, count: int, draws: int, random: BatchRandom) -> Tensor:
        """(count, draws) timesteps; each comes with its mirror T - 1 - t, which evens out a batch (HypoNet's training)."""
        half = random.integers(NUM_TIMESTEPS, count, (draws + 1) // 2)
        return torch.cat([half, NUM_TIMESTEPS - 1 - half], 1)[:, :draws]

    def corrupt(self, x_0: Tensor, noise: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """x_t and what the network should say of it: x_0 and noise (n, d), t (n,) timesteps; both (n, d)."""
        schedule = noise_schedule(self.prediction)
        x_t = schedule.add_noise(x_0, noise, t)  # pyright: ignore[reportArgumentType]
        if self.prediction == "sample":
            return x_t, x_0
        if self.prediction == "epsilon":
            return x_t, noise
        return x_t, schedule.get_velocity(x_0, noise, t)  # pyright: ignore[reportArgumentType]

    def weights(self, weighting: TimestepWeighting, t: Tensor) -> Tensor:
        """Weights (p,) of errors at timesteps (p,), on the CPU. Over all timesteps their mean is one, so beta means the same."""
        return _weights(weighting, self.prediction)[t.cpu()]

    def integrate(self, predict: Callable[[Tensor, Tensor], Tensor], x: Tensor) -> Tensor:
        """From noise (b, n, d) to samples. predict: x_t and t (b, n) to what the network says."""
        scheduler = self._sampler()
        for t in scheduler.timesteps:
            predicted = predict(x, t.expand(x.shape[:2]).to(x.device))
            x = scheduler.step(predicted, int(t), x, return_dict=False)[0]
        return x

    def _sampler(self) -> DDIMScheduler | DPMSolverMultistepScheduler:
        """Deterministic, with ``steps`` calls, the first at pure noise (but see ``noise_schedule``)."""
        scheduler: Any  # from_config's type also allows a tuple
        config = noise_schedule(self.prediction).config
        if self.sampler == "ddim":
            scheduler = DDIMScheduler.from_config(config, set_alpha_to_one=True)
        else:
            scheduler = DPMSolverMultistepScheduler.from_config(config, final_sigmas_type="zero")
        scheduler.set_timesteps(self.steps)
        return scheduler
