"""Noise schedule and samplers, from diffusers: cosine schedule with zero terminal SNR, v-prediction, trailing steps."""

from __future__ import annotations

from functools import lru_cache

from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

NUM_TIMESTEPS = 1000


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


def ddim(steps: int) -> DDIMScheduler:
    """DDIM (Song et al. 2021, eta 0) with ``steps`` network calls, the first at pure noise."""
    scheduler = DDIMScheduler.from_config(noise_schedule().config, set_alpha_to_one=True)
    scheduler.set_timesteps(steps)
    return scheduler
