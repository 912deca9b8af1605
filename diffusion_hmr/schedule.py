"""Noise schedule, training targets and samplers, from diffusers: cosine schedule with zero terminal SNR, trailing steps."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
from torch import Tensor

from diffusion_hmr.config import PredictionType, SamplerName

NUM_TIMESTEPS = 1000


@lru_cache(maxsize=3)
def noise_schedule(prediction: PredictionType) -> DDPMScheduler:
    """The forward process; shared by training, preference optimisation and sampling.

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


def training_target(prediction: PredictionType, x_0: Tensor, noise: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """x_t and what the network should say of it: x_0 and noise (n, d), t (n,) timesteps; both (n, d)."""
    schedule = noise_schedule(prediction)
    x_t = schedule.add_noise(x_0, noise, t)  # pyright: ignore[reportArgumentType]
    if prediction == "sample":
        return x_t, x_0
    if prediction == "epsilon":
        return x_t, noise
    return x_t, schedule.get_velocity(x_0, noise, t)  # pyright: ignore[reportArgumentType]


def sampler(name: SamplerName, steps: int, prediction: PredictionType) -> DDIMScheduler | DPMSolverMultistepScheduler:
    """A deterministic sampler with ``steps`` network calls, the first at pure noise (but see ``noise_schedule``).

    "ddim": Song et al. 2021, eta 0. "dpm-solver++": Lu et al. 2022, second order, multistep; its 8 steps keep as much of
    the spread as 20 of DDIM.
    """
    scheduler: Any  # from_config's type also allows a tuple
    if name == "ddim":
        scheduler = DDIMScheduler.from_config(noise_schedule(prediction).config, set_alpha_to_one=True)
    else:
        scheduler = DPMSolverMultistepScheduler.from_config(noise_schedule(prediction).config, final_sigmas_type="zero")
    scheduler.set_timesteps(steps)
    return scheduler
