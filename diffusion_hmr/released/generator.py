"""HRNet-W48 branch and HypoNet together: released weights as a generator of bodies, with the released sampler and kinematics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from diffusion_hmr.released.hrnet_branch import HrnetBranch, HrnetBranchConfig, normalised
from diffusion_hmr.released.hypo_net import ReleasedHypoNet, ReleasedHypoNetConfig
from diffusion_hmr.released.sampler import SCALE, ddim, start, uvd_of_released
from hmr.body import BodyModel, BodyParams
from hmr.hypotheses import Hypotheses
from hmr.inverse_kinematics import pelvis_of_spine, rotations_below
from hmr.networks.checkpoint import Pretrained
from hmr.networks.precision import autocast
from hmr.pose_state import PoseState, points_from_uvd
from hmr.skeleton import KEYPOINT_PARENTS, NUM_KEYPOINTS
from hmr.views import Views

_CHILD = list(range(1, NUM_KEYPOINTS))
_PARENT = list(KEYPOINT_PARENTS[1:])


@dataclass(frozen=True)
class ReleasedGeneratorConfig:
    """size: side of the crops in pixels."""

    size: int = 256
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


class ReleasedGenerator(Pretrained):
    """p(body | picture) with the released weights, for crops of 256 px of 1.2 times the box, as they were trained on."""

    kind, config_type = "released-generator", ReleasedGeneratorConfig

    def __init__(self, config: ReleasedGeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.branch, self.hypo_net = HrnetBranch(config.branch), ReleasedHypoNet(config.hypo_net)

    @property
    def crop_size(self) -> int:
        return self.config.size

    @property
    def crop_enlarge(self) -> float:
        return 1.2

    @torch.no_grad()
    def sample_states(self, rgb: Tensor, count: int, seed: int) -> tuple[PoseState, Tensor]:
        """Pictures rgb (b, 3, 256, 256) in [0, 1] to states [b, count] and betas (b, 10). The first one starts at zeros."""
        self.eval()
        device = next(self.parameters()).device
        with autocast(device):
            features = self.branch(normalised(rgb.to(device)))
            local = features.local()

            def noise_of(x: Tensor, t: int) -> Tensor:
                return self.hypo_net(x, torch.full(x.shape[:2], t, device=device), features.coarse, local).float()

            x = ddim(noise_of, start(count, len(rgb), 133, torch.Generator().manual_seed(seed)).to(device)).cpu()
        state = PoseState.unpack(x)
        assert features.shape is not None
        return PoseState(uvd_of_released(state.uvd), state.twist / SCALE), features.shape.float().cpu()

    def propose(
        self, views: Views, model: BodyModel, count: int, seed: int, source: str, places: Sequence[int] | None = None
    ) -> Hypotheses:
        """Candidates for crops; the body model should be SMPL, which the weights were trained for."""
        del places
        self.check_size(views)
        parts = []
        for first in range(0, len(views), 16):
            rows = slice(first, first + 16)
            state, shape = self.sample_states(views.pictures(rows), count, seed + first)
            parts.append(_bodies(state, shape[:, None], views.K[rows, None], self.config.size, model))
        return Hypotheses(views.key, BodyParams.cat(parts), model.family, source, seed)

    def check_size(self, views: Views) -> None:
        if views.size != self.config.size:
            raise ValueError(f"this generator takes {self.config.size} px crops, the pictures are {views.size} px")


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
