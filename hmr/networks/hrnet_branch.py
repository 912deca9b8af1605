"""HypoNet's picture branch as released: timm's HRNet-W48 with heads for a coarse map, local features, own keypoints and shape.

The released ScoreNet looks through the same network with no shape head, at the whole local map.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import timm
import torch
from torch import Tensor, nn

from hmr.networks.checkpoint import Pretrained
from hmr.networks.conditions import PictureRows
from hmr.networks.released import Renames, fill, renamed
from hmr.skeleton import JOINT_PARENTS, NUM_JOINTS, NUM_KEYPOINTS
from hmr.views import Views

CHECKPOINT_KIND = "released-hrnet-branch"
_JOINTS, _PARENTS = list(range(1, NUM_JOINTS)), list(JOINT_PARENTS[1:])


@dataclass(frozen=True)
class HrnetBranchConfig:
    """backbone: a timm HRNet. coarse, local: channels of the two maps. pooled: channels that the shape is read from.
    sharpness: of the softmax over heatmaps. with_shape: a head for the 10 betas (HypoNet has one, ScoreNet has none)."""

    backbone: str = "hrnet_w48"
    coarse: int = 512
    local: int = 256
    pooled: int = 2048
    sharpness: float = 15.0
    with_shape: bool = True


@dataclass(frozen=True)
class HrnetConditions(PictureRows):
    """All that the released HypoNet sees of b pictures, 184 kB each: coarse (b, 512, 8, 8), local (b, 52, 256) features, and what
    the branch alone says of the build: shape (b, 10) betas."""

    coarse: Tensor
    local: Tensor
    shape: Tensor


@dataclass(frozen=True)
class HrnetFeatures:
    """coarse (b, 512, s / 32, s / 32), local_map (b, 256, s / 4, s / 4), uv (b, 29, 2) own keypoints in [-1, 1], shape (b, 10)
    betas or None."""

    coarse: Tensor
    local_map: Tensor
    uv: Tensor
    shape: Tensor | None

    def local(self) -> Tensor:
        """What HypoNet is conditioned on, (b, 52, 256): features at the 29 own keypoints, and halfway from the 23 joints with a
        twist to their parents.

        A quirk that released weights depend on: halfway to the parents x and y are swapped.
        """
        middles = 0.5 * (self.uv[:, _JOINTS] + self.uv[:, _PARENTS])
        at = torch.cat([self.uv, middles.flip(-1)], 1)
        sampled = nn.functional.grid_sample(self.local_map.float(), at[:, :, None], mode="bilinear", align_corners=True)
        return sampled[..., 0].transpose(1, 2)


def soft_argmax(heatmaps: Tensor, sharpness: float) -> Tensor:
    """(b, k, h, w) to uv (b, k, 2) in [-1, 1): the mean cell of a softmax, in float64. Cell i of n lies at 2 i / n - 1."""
    h, w = heatmaps.shape[-2:]
    probability = (sharpness * heatmaps.double()).flatten(2).softmax(-1).unflatten(-1, (h, w))
    cells_x = torch.arange(w, dtype=torch.float64, device=heatmaps.device)
    cells_y = torch.arange(h, dtype=torch.float64, device=heatmaps.device)
    x, y = (probability.sum(2) * cells_x).sum(-1) / w, (probability.sum(3) * cells_y).sum(-1) / h
    return (2 * torch.stack([x, y], -1) - 1).float()  # also where the network runs in bf16, which is half a pixel wide


class HrnetBranch(Pretrained):
    """See the module's docstring. Pictures are (b, 3, 256, 256), normalised as the released code does (``normalised``)."""

    kind, config_type = CHECKPOINT_KIND, HrnetBranchConfig
    conditions_type = HrnetConditions

    def __init__(self, config: HrnetBranchConfig) -> None:
        super().__init__()
        self.config = config
        backbone = cast(Any, timm.create_model(config.backbone, pretrained=False))
        backbone.classifier, backbone.final_layer = nn.Identity(), nn.Identity()
        self.backbone = backbone
        finest, coarsest = backbone.stage4_cfg["num_channels"][0], backbone.num_features // 2
        self.to_coarse = nn.Conv2d(coarsest, config.coarse, 1)
        self.to_local = nn.Conv2d(finest, config.local, 1)
        self.heatmaps = nn.Conv2d(config.local, NUM_KEYPOINTS, 1)
        # Part of the released weights of ScoreNet's branch too, which never uses it.
        self.to_pooled = nn.Sequential(nn.Conv2d(coarsest, config.pooled, 1), nn.BatchNorm2d(config.pooled), nn.ReLU())
        if config.with_shape:
            self.to_shape = nn.Linear(config.pooled, 10)
            self.register_buffer("mean_shape", torch.zeros(10))

    @property
    def channels(self) -> int:
        return self.config.coarse

    def features_of_views(self, views: Views, device: torch.device) -> HrnetFeatures:
        """Of views that fit into memory, on ``device``, where the branch is."""
        return self(normalised(views.pictures().to(device)))

    def conditions_of_views(self, views: Views, device: torch.device) -> HrnetConditions:
        """Of views that fit into memory. Raises ValueError when the branch has no head for the shape."""
        features = self.features_of_views(views, device)
        if features.shape is None:
            raise ValueError(
                "this HRNet branch is a ScoreNet's, with no head for the shape; HypoNet needs its own branch"
            )
        return HrnetConditions(features.coarse, features.local(), features.shape)

    def forward(self, rgb: Tensor) -> HrnetFeatures:
        """rgb (b, 3, s, s), normalised."""
        backbone = self.backbone
        x = backbone.act1(backbone.bn1(backbone.conv1(rgb)))
        x = backbone.act2(backbone.bn2(backbone.conv2(x)))
        scales = backbone.stages(x)
        merged = backbone.incre_modules[0](scales[0])
        for finer, coarser, scale in zip(
            backbone.downsamp_modules, backbone.incre_modules[1:], scales[1:], strict=True
        ):
            merged = coarser(scale) + finer(merged)
        local_map = self.to_local(scales[0])
        shape = None
        if self.config.with_shape:
            shape = self.to_shape(self.to_pooled(merged).mean((-1, -2))) + self.mean_shape
        return HrnetFeatures(
            self.to_coarse(merged), local_map, soft_argmax(self.heatmaps(local_map), self.config.sharpness), shape
        )


def normalised(rgb: Tensor) -> Tensor:
    """(b, 3, s, s) in [0, 1] as released weights expect it: constants that were meant for blue first, on red first."""
    mean = torch.tensor([0.406, 0.457, 0.480], device=rgb.device)[:, None, None]
    return (rgb - mean) / torch.tensor([0.225, 0.224, 0.229], device=rgb.device)[:, None, None]


#: The released branch's names to ours.
HRNET_BRANCH: Renames = (
    (r"(conv1|bn1|conv2|bn2|layer1|transition\d|stage\d|incre_modules|downsamp_modules)\.", r"backbone.\1."),
    (r"final_feat_layer\.", "to_pooled."),
    (r"fmap_layer\.", "to_coarse."),
    (r"fmap_layer_local\.", "to_local."),
    (r"hmap_layer\.", "heatmaps."),
    (r"pred_beta\.", "to_shape."),
    (r"init_shape", "mean_shape"),
)


def hrnet_branch_from_released(weights: Mapping[str, Tensor]) -> HrnetBranch:
    """From ``model_cond`` (HypoNet's branch) or ``model_score_cond`` (ScoreNet's, which has no shape head) of a checkpoint."""
    with_shape = any(name.endswith("init_shape") for name in weights)
    network = HrnetBranch(HrnetBranchConfig(with_shape=with_shape))
    fill(network, renamed(weights, HRNET_BRANCH))
    return network.eval()
