"""The generator: image branch, denoiser and sampler in one class, sized by its configuration."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import torch
from torch import Tensor

from diffusion_hmr.denoiser import Denoiser
from diffusion_hmr.schedule import SamplerName, sampler
from hmr.body import BodyModel, BodyParams
from hmr.hypotheses import Hypotheses
from hmr.networks.blocks import BlocksConfig
from hmr.networks.checkpoint import Pretrained
from hmr.networks.fit import fast_precision
from hmr.networks.image_branch import Conditions, ImageBranch, ImageBranchConfig
from hmr.networks.train_branch import conditions_of
from hmr.pose_state import STATE_DIM, PoseState, body_from_state
from hmr.samples import Samples


@dataclass(frozen=True)
class GeneratorConfig:
    """size: side of the crops in pixels. sampler and sampling_steps: see ``diffusion_hmr.schedule``."""

    size: int = 64
    branch: ImageBranchConfig = field(default_factory=ImageBranchConfig)
    denoiser: BlocksConfig = field(default_factory=BlocksConfig)
    sampler: SamplerName = "dpm-solver++"
    sampling_steps: int = 8


class Generator(Pretrained):
    """p(body | picture)."""

    kind, config_type = "generator", GeneratorConfig

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.branch = ImageBranch(config.branch, config.size)
        self.denoiser = Denoiser(config.denoiser, config.branch.encoder.channels)

    @torch.no_grad()
    def sample_states(self, conditions: Conditions, count: int, seed: int, zero_noise: bool = False) -> Tensor:
        """(b, count, 133) packed states.

        zero_noise: start at zeros, the deterministic mode of the papers (then all hypotheses of a picture are equal).
        """
        device = self.denoiser.residual_std.device
        # The whole network in bf16, not autocast: on a CPU half of autocast's time is casting back and forth.
        dtype = torch.bfloat16 if fast_precision(device) == "bf16" else torch.float32
        denoiser = copy.deepcopy(self.denoiser).to(dtype).eval()
        scheduler = sampler(self.config.sampler, self.config.sampling_steps)
        x = torch.randn(len(conditions), count, STATE_DIM, generator=torch.Generator().manual_seed(seed)).to(device)
        if zero_noise:
            x = torch.zeros_like(x)
        condition = denoiser.prepare(conditions.map(lambda c: c.to(device, dtype)))
        for t in scheduler.timesteps:
            v = denoiser(x.to(dtype), t.expand(x.shape[:2]).to(device), condition)
            x = scheduler.step(v, int(t), x, return_dict=False)[0]
        return self.denoiser.denormalised(x, conditions.map(lambda c: c.to(device))).cpu()

    def sample_bodies(
        self,
        conditions: Conditions,
        K: Tensor,
        model: BodyModel,
        count: int,
        seed: int,
        chunk: int = 256,
        zero_noise: bool = False,
    ) -> BodyParams:
        """[b, count] bodies in the frame of the crops' cameras K (b, 3, 3)."""
        parts = []
        for start in range(0, len(conditions), chunk):
            part, rows = conditions[start : start + chunk], slice(start, start + chunk)
            packed = self.sample_states(part, count, seed + start, zero_noise=zero_noise)
            parts.append(
                body_from_state(
                    PoseState.unpack(packed),
                    part.shape[:, None].cpu(),
                    part.extent[:, None].expand(-1, count).cpu(),
                    K[rows, None],
                    self.config.size,
                    model,
                )
            )
        return BodyParams.cat(parts)

    def propose(self, samples: Samples, model: BodyModel, count: int, seed: int, source: str) -> Hypotheses:
        """Candidates for pictures; each picture is encoded once."""
        self.check_size(samples)
        params = self.sample_bodies(conditions_of(self.branch, samples), samples.K, model, count, seed)
        return Hypotheses(samples.key, params, samples.K, source, seed)

    def check_size(self, samples: Samples) -> None:
        if samples.size != self.config.size:
            raise ValueError(
                f"this generator was trained on {self.config.size} px crops, the pictures are {samples.size} px; make "
                f"the set again with --size {self.config.size}"
            )
