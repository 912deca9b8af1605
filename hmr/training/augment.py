"""Other pictures of the same bodies: other colours, blur, compression, and the camera rolled or brought nearer.

What moves a picture moves all that is said of it: its camera, its label, keypoints and candidates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import roma
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as tv

from hmr.body import BodyParams
from hmr.camera import Camera
from hmr.networks.branch_loss import Targets
from hmr.pose_state import PoseState
from hmr.samples import Samples
from hmr.training.batch_random import BatchRandom
from hmr.training.config import AugmentConfig
from hmr.views import Prompts


@dataclass(frozen=True)
class Roll:
    """b crops turned about their centres and enlarged: what a camera sees that is rolled about its own axis and zooms in.

    Attributes:
        angle: (b,) radians, from x (right) to y (down).
        scale: (b,) above 1: nearer.
    """

    angle: Tensor
    scale: Tensor

    @classmethod
    def drawn(cls, config: AugmentConfig, count: int, random: BatchRandom) -> Roll:
        turn, zoom = (2 * random.uniform(count, 2) - 1).unbind(1)
        return cls(turn * math.radians(config.rotation_deg), (zoom * math.log1p(config.scale)).exp())

    def pictures(self, rgb: Tensor) -> Tensor:
        """(b, 3, s, s) float; what was outside is black."""
        back = _about_z(-self.angle)[:, :2, :2] / self.scale[:, None, None]
        theta = torch.cat([back, torch.zeros(len(rgb), 2, 1)], 2)
        grid = torch.nn.functional.affine_grid(theta, list(rgb.shape), align_corners=False)
        return torch.nn.functional.grid_sample(rgb, grid, align_corners=False)

    def uv(self, uv: Tensor) -> Tensor:
        """(b, ..., 2) places across the crops."""
        turned = _about_z(self.angle)[:, :2, :2] * self.scale[:, None, None]
        return torch.einsum("bij,b...j->b...i", turned, uv)

    def uvd(self, uvd: Tensor) -> Tensor:
        """(b, ..., 3); depths stay."""
        return torch.cat([self.uv(uvd[..., :2]), uvd[..., 2:]], -1)

    def K(self, K: Tensor, size: int) -> Tensor:
        """(b, 3, 3) of the crops' cameras, rolled. Their pixels must be square."""
        out = K.clone()
        out[:, [0, 1], [0, 1]] = K[:, [0, 1], [0, 1]] * self.scale[:, None]
        out[:, :2, 2] = size / 2 + self.uv(K[:, :2, 2] - size / 2)
        return out

    def body(self, params: BodyParams) -> BodyParams:
        """b bodies in the camera frame."""
        R = _about_z(self.angle)
        place = torch.einsum("bij,bj->bi", R, params.t_cam_root)
        return replace(params, R_cam_root=R @ params.R_cam_root, t_cam_root=place)

    def targets(self, targets: Targets) -> Targets:
        """``Targets.of`` the rolled samples, without a body."""
        state = PoseState.unpack(targets.state)
        packed = PoseState(self.uvd(state.uvd), state.twist).pack()
        return Targets(packed, targets.shape, targets.extent / self.scale)

    def samples(self, samples: Samples, rgb: Tensor) -> Samples:
        """rgb: their pictures, rolled already."""
        size, said = samples.size, samples.prompts
        return replace(
            samples,
            rgb=rgb,
            camera=Camera.of_squares(self.K(samples.K, size), size),
            A_view_picture=torch.eye(3).expand(len(samples), 3, 3),
            label=self.body(samples.label),
            keypoints_2d=self._keypoints(samples.keypoints_2d, size),
            prompts=None if said is None else self._prompts(said, size),
        )

    def _prompts(self, said: Prompts, size: int) -> Prompts:
        mask = said.mask
        if mask is not None:
            mask = self.pictures(mask[:, None].float())[:, 0].round().to(torch.uint8)
        return Prompts(self._keypoints(said.keypoints_px, size), mask)

    def _keypoints(self, keypoints: Tensor, size: int) -> Tensor:
        """(b, k, 3) x, y in pixels and confidence, which is 0 outside."""
        px = size / 2 + self.uv(keypoints[..., :2] - size / 2)
        inside = ((px >= 0) & (px <= size)).all(-1, keepdim=True)
        return torch.cat([px, keypoints[..., 2:] * inside], -1)


def _about_z(angle: Tensor) -> Tensor:
    """(b,) radians to (b, 3, 3)."""
    return roma.rotvec_to_rotmat(angle[:, None] * torch.tensor([0.0, 0.0, 1.0]))


def other_colours(rgb: Tensor, config: AugmentConfig, random: BatchRandom) -> Tensor:
    """(b, 3, s, s) in [0, 1]: brightness, contrast and saturation of each picture; half of them blurred, half compressed."""
    draws = random.uniform(len(rgb), 7)
    gains = 1 + config.colour * (2 * draws[:, :3] - 1)
    out = []
    for picture, gain, draw in zip(rgb, gains.tolist(), draws[:, 3:].tolist(), strict=True):
        if config.colour > 0:
            picture = tv.adjust_brightness(picture, gain[0])
            picture = tv.adjust_saturation(tv.adjust_contrast(picture, gain[1]), gain[2])
        if config.blur_px > 0 and draw[0] < 0.5:
            sigma = max(config.blur_px * draw[1], 1e-2)
            picture = tv.gaussian_blur(picture, 2 * [2 * math.ceil(2 * sigma) + 1], 2 * [sigma])
        if config.jpeg_quality < 100 and draw[2] < 0.5:
            quality = round(config.jpeg_quality + draw[3] * (100 - config.jpeg_quality))
            picture = tv.jpeg((picture * 255).round().byte(), quality).float() / 255
        out.append(picture)
    return torch.stack(out)


def augmented(rgb: Tensor, config: AugmentConfig, random: BatchRandom) -> tuple[Tensor, Roll]:
    """(b, 3, s, s) uint8 to other pictures, and how they were rolled. Without any augmentation they are what they were."""
    roll = Roll.drawn(config, len(rgb), random)
    pictures = rgb.float() / 255
    if config.moves:
        pictures = roll.pictures(pictures)
    if config.recolours:
        pictures = other_colours(pictures, config, random)
    return (pictures.clamp(0, 1) * 255).round().byte(), roll
