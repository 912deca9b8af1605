"""HRNet-W48 branch and HypoNet together: released weights as a generator of bodies, with the released sampler and kinematics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from diffusion_hmr.drawn import Drawn
from diffusion_hmr.noise import noise_of_rows
from diffusion_hmr.released.hypo_net import ReleasedHypoNet, ReleasedHypoNetConfig
from diffusion_hmr.released.sampler import (
    RELEASED_UVD_AND_TWISTS,
    packed_of_released,
    released_of_packed,
    start,
)
from hmr.body import BodyModel, BodyParams, check_body
from hmr.hypotheses import Hypotheses
from hmr.inverse_kinematics import pelvis_of_spine, rotations_below
from hmr.networks.checkpoint import Pretrained
from hmr.networks.conditions import conditions_of
from hmr.networks.hrnet_branch import HrnetBranch, HrnetBranchConfig, HrnetConditions
from hmr.networks.precision import autocast
from hmr.pose_state import PoseState, points_from_uvd, state_from_body
from hmr.skeleton import KEYPOINT_PARENTS, NUM_KEYPOINTS
from hmr.views import Views, check_crop_size

_CHILD = list(range(1, NUM_KEYPOINTS))
_PARENT = list(KEYPOINT_PARENTS[1:])


@dataclass(frozen=True)
class ReleasedGeneratorConfig:
    """size: side of the crops in pixels. body: family of the body model that it was trained on."""

    size: int = 256
    body: str = "smpl-neutral"
    branch: HrnetBranchConfig = field(default_factory=HrnetBranchConfig)
    hypo_net: ReleasedHypoNetConfig = field(default_factory=ReleasedHypoNetConfig)


def extent_of_bones(uvd: Tensor, rest_keypoints: Tensor) -> Tensor:
    """How many metres the crop spans at the pelvis, (...), so that the bones of uvd (..., 29, 3) are as long as those of the rest
    pose (..., 29, 3). The released code takes the true depth or a detector's instead; here none is given.

    Exact under weak perspective; the depths are the network's own.
    """
    bone = uvd[..., _CHILD, :] - uvd[..., _PARENT, :]
    length = (rest_keypoints[..., _CHILD, :] - rest_keypoints[..., _PARENT, :]).norm(dim=-1)
    in_picture = (length.square() - bone[..., 2].square()).clamp_min(0).sum(-1)
    return 2 * (in_picture / bone[..., :2].square().sum((-1, -2)).clamp_min(1e-8)).sqrt().clamp_min(0.1)


#: Bodies that are denoised at once on a CPU; sixteen times as many on a GPU.
_CHUNK = 256


class ReleasedGenerator(Pretrained):
    """p(body | picture) with the released weights, for crops of 256 px of 1.2 times the box, as they were trained on.

    States are what HypoNet diffuses: keypoints and twists in the released scaling (``released.sampler``).
    """

    kind, config_type = "released-generator", ReleasedGeneratorConfig
    state_kind = RELEASED_UVD_AND_TWISTS
    is_prompted = False

    def __init__(self, config: ReleasedGeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.branch, self.hypo_net = HrnetBranch(config.branch), ReleasedHypoNet(config.hypo_net)

    @property
    def denoiser(self) -> ReleasedHypoNet:
        """What is finetuned; the branch stays as it is."""
        return self.hypo_net

    @property
    def crop_size(self) -> int:
        return self.config.size

    @property
    def crop_enlarge(self) -> float:
        return 1.2

    @torch.no_grad()
    def sample_states(
        self, conditions: HrnetConditions, count: int, seed: int, zero_noise: bool = False,
        places: Sequence[int] | None = None,
    ) -> Tensor:  # fmt: skip
        """(b, count, 133) states in the released scaling; each picture's first one starts at zeros, as released.

        They depend on the seed and on a picture's place (its row, or as ``places`` (b,) say), not on how the work is cut up.

        zero_noise: all start at zeros.
        """
        self.hypo_net.eval()
        device = next(self.hypo_net.parameters()).device
        chunk = _CHUNK if device.type == "cpu" else 16 * _CHUNK
        pictures = max(chunk // count, 1)
        places = range(len(conditions)) if places is None else places
        parts = []
        for first in range(0, len(conditions), pictures):
            part = conditions[first : first + pictures].map(lambda c: c.to(device))
            noise = start(noise_of_rows(places[first : first + len(part)], count, seed))
            x = torch.zeros_like(noise) if zero_noise else noise
            parts.append(torch.cat([self._denoised(part, some.to(device)) for some in x.split(chunk, 1)], 1).cpu())
        return torch.cat(parts)

    def _denoised(self, conditions: HrnetConditions, x: Tensor) -> Tensor:
        """From noise (b, n, 133) to samples."""

        def noise_of(x_t: Tensor, t: Tensor) -> Tensor:
            return self.hypo_net(x_t, t, conditions.coarse, conditions.local).float()

        with autocast(x.device):
            return self.hypo_net.objective.integrate(noise_of, x)

    def sample_bodies(
        self, conditions: HrnetConditions, K: Tensor, model: BodyModel, count: int, seed: int, zero_noise: bool = False,
        places: Sequence[int] | None = None,
    ) -> BodyParams:  # fmt: skip
        """[b, count] bodies in the frame of the crops' cameras K (b, 3, 3); the rest as ``sample_states``."""
        return self.bodies_of(self.sample_states(conditions, count, seed, zero_noise, places), conditions, K, model)

    def draw(
        self, conditions: HrnetConditions, K: Tensor, model: BodyModel, count: int, seed: int,
        places: Sequence[int] | None = None,
    ) -> Drawn:  # fmt: skip
        """As ``sample_bodies``; the states are the samples themselves, before the kinematics, as released pairs are kept."""
        states = self.sample_states(conditions, count, seed, places=places)
        return Drawn(self.bodies_of(states, conditions, K, model), states)

    def states_of(self, bodies: BodyParams, K: Tensor, model: BodyModel) -> Tensor:
        """[b, n] bodies in crops with cameras K (b, 3, 3) to states (b, n, 133) in the released scaling."""
        return released_of_packed(state_from_body(bodies, model, K[:, None], self.config.size).pack())

    def bodies_of(self, states: Tensor, conditions: HrnetConditions, K: Tensor, model: BodyModel) -> BodyParams:
        """States (b, n, 133) in the released scaling to bodies [b, n] of the builds that the branch says, by the released inverse
        kinematics, as far away as their bones say."""
        parts = []
        for first in range(0, len(states), 256):
            rows = slice(first, first + 256)
            state = PoseState.unpack(packed_of_released(states[rows]))
            parts.append(_bodies(state, conditions.shape[rows, None].cpu(), K[rows, None], self.config.size, model))
        return BodyParams.cat(parts)

    def propose(
        self, views: Views, model: BodyModel, count: int, seed: int, source: str, places: Sequence[int] | None = None
    ) -> Hypotheses:
        """Candidates for crops. Raises ValueError for another body than it was trained on."""
        self.check_size(views)
        check_body("generator", self.config.body, model)
        params = self.sample_bodies(conditions_of(self.branch, views), views.K, model, count, seed, places=places)
        return Hypotheses(views.key, params, model.family, source, seed)

    def check_size(self, views: Views) -> None:
        check_crop_size("generator", self.config.size, views.size)


def _bodies(state: PoseState, shape: Tensor, K: Tensor, size: int, model: BodyModel) -> BodyParams:
    """The released inverse kinematics; shape (b, 1, 10), K (b, 1, 3, 3)."""
    rest = model.rest_keypoints(shape)
    points = points_from_uvd(state.uvd, extent_of_bones(state.uvd, rest), K, size)
    R_cam_root = pelvis_of_spine(points, rest)
    return BodyParams(
        R_cam_root=R_cam_root,
        R_parent_joint=rotations_below(R_cam_root, points, state.twist, rest),
        shape=shape.expand(*points.shape[:-2], shape.shape[-1]),
        t_cam_root=points[..., 0, :],
    )
