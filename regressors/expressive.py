"""One-stage regressors of a body with hands and face: one encoder, part boxes, feature-level crops, and MLP heads.

Two members of the family: an OSX-like baseline, whose parts never speak (Lin et al. 2023), and CoEvoer, whose parts do. They
share everything else, so a comparison of the two is one of what lies between features and heads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import roma
import torch
from torch import Tensor, nn

from hmr.body import FACING_CAMERA, BodyModel, BodyParams, check_body, has_betas_of, smpl_of
from hmr.camera import backproject, bearing
from hmr.hypotheses import Hypotheses
from hmr.networks.checkpoint import Pretrained
from hmr.networks.encoder import PictureEncoder, sample_map
from hmr.networks.precision import autocast, full_precision
from hmr.pose_state import root_depth
from hmr.skeleton_smplx import SMPLX
from hmr.skinned_body import SkinnedBody
from hmr.views import Views, check_crop_size
from regressors.config import ExpressiveConfig
from regressors.enhancer import Exchange, Memory, RefineNet, each_other, everything, itself
from regressors.foreground import TorsoTokens
from regressors.parts import Boxes, BoxNet, crop_parts, integral
from regressors.placement import heatmap_weight, shift_onto_joints

NUM_BODY_JOINTS = len(SMPLX.part_joints["body"])
#: What the body head says besides rotations: ten betas, log extent, and where the pelvis is beyond the heat map's place (u, v).
REST = 10 + 1 + 2
_MEMORIES: dict[str, Memory] = {"enhancer": each_other, "self_attention": everything, "apart": itself}


@dataclass(frozen=True)
class ExpressivePrediction:
    """params [b]; boxes; joints_uvd (b, 22, 3): the network's own body joints in the crop, u and v from -1 to 1, d in metres;
    joint_heatmaps (b, 22, h, w): their logits."""

    params: BodyParams
    boxes: Boxes
    joints_uvd: Tensor
    joint_heatmaps: Tensor


class BodyJoints(nn.Module):
    """Body joints in the picture by integral regression, and the features that lie there (OSX's body decoder, in small)."""

    def __init__(self, channels: int, joint_width: int = 16) -> None:
        super().__init__()
        self.heatmaps = nn.Conv2d(channels, NUM_BODY_JOINTS, 1)
        self.depths = nn.Conv2d(channels, NUM_BODY_JOINTS, 1)
        self.narrow = nn.Linear(channels, joint_width)
        self.width = NUM_BODY_JOINTS * (joint_width + 3)

    def forward(self, local_map: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(b, c, h, w) to uvd (b, 22, 3), heatmaps (b, 22, h, w) and a feature of the body (b, width)."""
        heatmaps = self.heatmaps(local_map).float()
        uv = integral(heatmaps)
        probability = heatmaps.flatten(2).softmax(-1)
        d = (probability * self.depths(local_map).float().flatten(2)).sum(-1, keepdim=True)
        uvd = torch.cat([uv, d - d[:, :1]], -1)
        at_joints = self.narrow(sample_map(local_map, uv.detach()))
        return uvd, heatmaps, torch.cat([uvd.flatten(1), at_joints.flatten(1).float()], -1)


def _head(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    last = nn.Linear(hidden, outputs)
    nn.init.normal_(last.weight, std=1e-3)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), last)


def rotations_from_6d(numbers: Tensor) -> Tensor:
    """(..., 6) about zero to rotation matrices (..., 3, 3) about the identity (Zhou et al. 2019)."""
    upright = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]], device=numbers.device)
    return roma.special_gramschmidt(upright + numbers.unflatten(-1, (3, 2)))


class ExpressiveRegressor(Pretrained):
    """A picture to one body with hands and face."""

    kind, config_type = "expressive regressor", ExpressiveConfig

    def __init__(self, config: ExpressiveConfig) -> None:
        super().__init__()
        self.config = config
        c, between = config.encoder.channels, config.between
        self.encoder = PictureEncoder(config.encoder, config.size)
        self.joints, self.boxes = BodyJoints(c), BoxNet(c)
        self.camera = nn.Linear(3, c)
        context = 0
        if between is not None:
            self.torso = TorsoTokens(c, between.torso_tokens, between.heads, between.foreground)
            self.exchange = Exchange(c, between.heads, between.layers, _MEMORIES[between.exchange])
            self.refine = RefineNet(c, between.torso_tokens)
            context = c
        part = config.cells**2 * c
        self.body_head = _head(self.joints.width + 2 * c + context, config.hidden, NUM_BODY_JOINTS * 6 + REST)
        self.hand_head = nn.ModuleList(
            _head(part, config.hidden, len(SMPLX.part_joints["left_hand"]) * 6) for _ in range(2)
        )
        self.face_head = _head(part, config.hidden, 6 + 10)

    @property
    def crop_size(self) -> int:
        return self.config.size

    @property
    def crop_enlarge(self) -> float:
        return self.config.enlarge

    def forward(self, rgb: Tensor, K: Tensor) -> ExpressivePrediction:
        """rgb (b, 3, s, s) in [0, 1], K (b, 3, 3) of the crops."""
        global_map, local_map = self.encoder(rgb)
        camera = self.camera(bearing(K, self.config.size).to(local_map.dtype))
        pooled = global_map.mean((2, 3))
        uvd, heatmaps, body = self.joints(local_map)
        boxes = self.boxes(local_map, pooled)
        Z = crop_parts(local_map, boxes.square.detach(), self.config.cells)
        features = [body, pooled, camera]
        if self.config.between is not None:
            Z, T = self.exchange(Z, self.torso(local_map))
            features.append(self.refine(T))
        out = self.body_head(torch.cat([f.to(pooled.dtype) for f in features], -1)).float()
        hands = [head(Z[:, i].flatten(1)).float() for i, head in enumerate(self.hand_head)]
        face = self.face_head(Z[:, 2].flatten(1)).float()
        with full_precision(rgb.device):
            params = self._params(out, hands, face, uvd.float(), K)
        return ExpressivePrediction(params, boxes, uvd, heatmaps)

    def _params(self, body: Tensor, hands: list[Tensor], face: Tensor, uvd: Tensor, K: Tensor) -> BodyParams:
        R_body = rotations_from_6d(body[:, :-REST].unflatten(-1, (NUM_BODY_JOINTS, 6)))
        rest = body[:, -REST:]
        extent = 2.0 * torch.exp(rest[:, 10].clamp(-3, 3))
        # A heat map cannot point far outside the picture (upper-body crops); the head says how far beyond the pelvis lies.
        pelvis_px = (uvd[:, 0, :2] + rest[:, 11:] + 1) * (self.config.size / 2)
        t_cam_root = backproject(pelvis_px[:, None], root_depth(extent, K, self.config.size)[:, None], K)[:, 0]
        b = len(rest)
        eyes = torch.eye(3, device=rest.device).expand(b, 2, 3, 3)
        parts = [R_body[:, 1:], rotations_from_6d(face[:, None, :6]), eyes]
        parts += [rotations_from_6d(hand.unflatten(-1, (-1, 6))) for hand in hands]
        # The pelvis is turned about the half turn with which a body faces a camera.
        facing = FACING_CAMERA.to(rest.device)
        R_parent_joint = torch.cat(parts, 1)
        assert R_parent_joint.shape[1] == SMPLX.num_joints - 1
        return BodyParams(facing @ R_body[:, 0], R_parent_joint, rest[:, :10], t_cam_root, face[:, 6:])

    @torch.no_grad()
    def predict(self, views: Views, model: SkinnedBody, chunk: int = 256) -> tuple[BodyParams, Tensor]:
        """One body for each picture, laid on the joints that were seen, and the probability (n, 3) that left hand, right hand and
        face are in it. model: which the regressor was trained with.

        Raises ValueError for pictures of another size.
        """
        return self._predict(views, model.keypoints, chunk)

    def _predict(
        self, views: Views, joints: Callable[[BodyParams], Tensor], chunk: int = 256
    ) -> tuple[BodyParams, Tensor]:
        self.check_size(views)
        self.eval()
        device = next(self.parameters()).device
        params, seen = [], []
        for start in range(0, len(views), chunk):
            K = views.K[start : start + chunk]
            with autocast(device):
                predicted = self(views.rgb[start : start + chunk].to(device).float() / 255, K.to(device))
            body = predicted.params.map(lambda x: x.float().cpu())
            uv = predicted.joints_uvd[..., :2].float().cpu()
            weight = heatmap_weight(uv, predicted.joint_heatmaps.cpu())
            shift = shift_onto_joints(joints(body)[:, :NUM_BODY_JOINTS], uv, weight, K, self.config.size)
            params.append(replace(body, t_cam_root=body.t_cam_root + shift))
            seen.append(predicted.boxes.seen_logit.sigmoid().float().cpu())
        return BodyParams.cat(params), torch.cat(seen)

    @torch.no_grad()
    def propose(
        self, views: Views, model: BodyModel, count: int, seed: int, source: str, places: Sequence[int] | None = None
    ) -> Hypotheses:
        """One candidate for each picture, whatever ``count``: with hands and face where ``model`` has them.

        Raises ValueError for another body than it was trained on.
        """
        del count, places
        if not has_betas_of(model, self.config.body):
            check_body("regressor", self.config.body, model)
        own = model.skeleton is SMPLX
        bodies, _ = self._predict(views, lambda body: model.keypoints(body if own else smpl_of(body)))
        bodies = bodies if own else smpl_of(bodies)
        return Hypotheses(views.key, bodies.reshape_batch(len(views), 1), model.family, source, seed)

    def check_size(self, views: Views) -> None:
        check_crop_size("regressor", self.config.size, views.size)
