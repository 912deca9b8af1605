"""Noise schedule and samplers, from diffusers: cosine schedule with zero terminal SNR, v-prediction, trailing steps."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler

NUM_TIMESTEPS = 1000
SamplerName = Literal["dpm-solver++", "ddim"]


@lru_cache(maxsize=1)
def noise_schedule() -> DDPMScheduler:
    """The forward process; shared by training, preference optimisation and sampling."""
    return DDPMScheduler(
        num_train_timesteps=NUM_TIMESTEPS,
        beta_schedule="squaredcos_cap_v2",
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        clip_sample=False,
    )


def sampler(name: SamplerName, steps: int) -> DDIMScheduler | DPMSolverMultistepScheduler:
    """A deterministic sampler with ``steps`` network calls, the first at pure noise.

    "ddim": Song et al. 2021, eta 0. "dpm-solver++": Lu et al. 2022, second order, multistep; its 8 steps keep as much of
    the spread as 20 of DDIM.
    """
    scheduler: Any  # from_config's type also allows a tuple
    if name == "ddim":
        scheduler = DDIMScheduler.from_config(noise_schedule().config, set_alpha_to_one=True)
    else:
        scheduler = DPMSolverMultistepScheduler.from_config(noise_schedule().config, final_sigmas_type="zero")
    scheduler.set_timesteps(steps)
    return scheduler
