"""The generator: image branch, denoiser and sampler in one class, sized by its configuration."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from diffusion_hmr.config import GeneratorConfig
from diffusion_hmr.denoiser import Denoiser, PreparedCondition
from diffusion_hmr.drawn import Drawn
from diffusion_hmr.noise import noise_of_rows
from diffusion_hmr.objective import DiffusionObjective
from hmr.body import BodyModel, BodyParams, check_body
from hmr.hypotheses import Hypotheses
from hmr.networks.checkpoint import Pretrained
from hmr.networks.conditions import Conditions, conditions_of
from hmr.networks.image_branch import ImageBranch
from hmr.networks.lit_branch import LitBranch
from hmr.networks.precision import fast_precision
from hmr.networks.prompt_branch import PromptBranch
from hmr.pose_state import UVD_AND_TWISTS, PoseState, body_from_state, state_from_body
from hmr.views import Views, check_crop_size


def _branch_of(config: GeneratorConfig) -> ImageBranch | PromptBranch | LitBranch:
    if config.lit is not None:
        return LitBranch(config.lit)
    return ImageBranch(config.branch, config.size) if config.prompts is None else PromptBranch(config.prompts)


#: Generators that come with the package; each has its model card beside it.
PACKAGED = Path(__file__).parent / "weights"


class Generator(Pretrained):
    """p(body | picture)."""

    kind, config_type, packaged = "generator", GeneratorConfig, PACKAGED
    state_kind = UVD_AND_TWISTS

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.branch = _branch_of(config)
        objective = DiffusionObjective(config.prediction, config.sampler, config.sampling_steps)
        self.denoiser = Denoiser(config.denoiser, self.branch.channels, objective)

    @property
    def is_prompted(self) -> bool:
        """Whether it is told keypoints."""
        return not isinstance(self.branch, ImageBranch)

    @property
    def crop_size(self) -> int:
        return self.config.size

    @property
    def crop_enlarge(self) -> float:
        return self.config.enlarge

    @torch.no_grad()
    def sample_states(
        self,
        conditions: Conditions,
        count: int,
        seed: int,
        zero_noise: bool = False,
        places: Sequence[int] | None = None,
    ) -> Tensor:
        """(b, count, 133) packed states.

        They depend on the seed and on a picture's place (its row, or as ``places`` (b,) say), not on how the work is cut up.
        Memory does not grow with ``count`` beyond the result's own.

        zero_noise: start at zeros, the deterministic mode of the papers (then all hypotheses of a picture are equal).
        """
        device = self.denoiser.residual_std.device
        # The whole network in bf16, not autocast: on a CPU half of autocast's time is casting back and forth.
        dtype = torch.bfloat16 if fast_precision(device) == "bf16" else torch.float32
        denoiser = copy.deepcopy(self.denoiser).to(dtype).eval()
        chunk = self.config.chunk if device.type == "cpu" else 64 * self.config.chunk
        pictures = max(chunk // count, 1)
        places = range(len(conditions)) if places is None else places
        parts = []
        for start in range(0, len(conditions), pictures):
            part = conditions[start : start + pictures].map(lambda c: c.to(device))
            condition = denoiser.prepare(part.map(lambda c: c.to(dtype)))
            noise = noise_of_rows(places[start : start + len(part)], count, seed)
            x = torch.zeros_like(noise) if zero_noise else self.config.temperature * noise
            done = [self._denoised(denoiser, condition, some.to(device)) for some in x.split(chunk, 1)]
            parts.append(self.denoiser.denormalised(torch.cat(done, 1), part).cpu())
        return torch.cat(parts)

    def _denoised(self, denoiser: Denoiser, condition: PreparedCondition, x: Tensor) -> Tensor:
        """From noise (b, n, 133) to samples."""
        dtype = denoiser.residual_std.dtype
        return denoiser.objective.integrate(lambda x_t, t: denoiser(x_t.to(dtype), t, condition), x)

    def sample_bodies(
        self, conditions: Conditions, K: Tensor, model: BodyModel, count: int, seed: int, zero_noise: bool = False,
        places: Sequence[int] | None = None,
    ) -> BodyParams:  # fmt: skip
        """[b, count] bodies in the frame of the crops' cameras K (b, 3, 3); the rest as ``sample_states``."""
        return self.bodies_of(self.sample_states(conditions, count, seed, zero_noise, places), conditions, K, model)

    def draw(
        self, conditions: Conditions, K: Tensor, model: BodyModel, count: int, seed: int,
        places: Sequence[int] | None = None,
    ) -> Drawn:  # fmt: skip
        """As ``sample_bodies``; the states are the bodies', whose bones are as long as the model's: they are what is judged."""
        bodies = self.sample_bodies(conditions, K, model, count, seed, places=places)
        return Drawn(bodies, self.states_of(bodies, K, model))

    def states_of(self, bodies: BodyParams, K: Tensor, model: BodyModel) -> Tensor:
        """[b, n] bodies in crops with cameras K (b, 3, 3) to packed states (b, n, 133)."""
        return state_from_body(bodies, model, K[:, None], self.config.size).pack()

    def bodies_of(self, states: Tensor, conditions: Conditions, K: Tensor, model: BodyModel) -> BodyParams:
        """Packed states (b, n, 133) to bodies [b, n] of the builds and at the depths that the branch says."""
        parts = []
        for start in range(0, len(conditions), 256):
            rows = slice(start, start + 256)
            parts.append(
                body_from_state(
                    PoseState.unpack(states[rows]),
                    conditions.shape[rows, None].cpu(),
                    conditions.extent[rows, None].expand(-1, states.shape[1]).cpu(),
                    K[rows, None],
                    self.config.size,
                    model,
                )
            )
        return BodyParams.cat(parts)

    def propose(
        self, views: Views, model: BodyModel, count: int, seed: int, source: str, places: Sequence[int] | None = None
    ) -> Hypotheses:
        """Candidates for pictures; each picture is encoded once. Raises ValueError for another body than it was trained on."""
        self.check_size(views)
        check_body("generator", self.config.body, model)
        params = self.sample_bodies(conditions_of(self.branch, views), views.K, model, count, seed, places=places)
        return Hypotheses(views.key, params, model.family, source, seed)

    def check_size(self, views: Views) -> None:
        check_crop_size("generator", self.config.size, views.size)
