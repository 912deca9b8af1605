"""The prompt branch: marks of a person to features and an estimate of the body, without a picture (lifting, after Martinez et al.
2017). It stands where an image branch stands, so denoiser, alignment and scorer need not know which they have."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hmr.camera import bearing
from hmr.keypoint_sets import PROMPT_POINTS, SMPL_OF_POINT
from hmr.networks.conditions import Conditions, Estimate
from hmr.networks.config import PromptBranchConfig
from hmr.networks.precision import full_precision
from hmr.pose_state import PoseState
from hmr.skeleton import NUM_KEYPOINTS, NUM_TWISTS, SMPL
from hmr.views import Views

_MARKED = [
    (mark, SMPL.index(SMPL_OF_POINT[name])) for mark, name in enumerate(PROMPT_POINTS.points) if name in SMPL_OF_POINT
]
_FROM_MARK, _TO_KEYPOINT = [mark for mark, _ in _MARKED], [keypoint for _, keypoint in _MARKED]
_LOCAL_RANK = 24
#: u, v, confidence and presence of each mark.
_PER_MARK = 4


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(approximate="tanh"), nn.Linear(width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


def middle_and_size(marks: Tensor) -> tuple[Tensor, Tensor]:
    """Where the marks (b, 24, 3) are that are there, (b, 1, 2), and how far they reach, (b, 1, 1); of nothing the crop's own."""
    there = (marks[..., 2:] > 0).float()
    count = there.sum(1, keepdim=True)
    middle = (marks[..., :2] * there).sum(1, keepdim=True) / count.clamp_min(1)
    spread = ((marks[..., :2] - middle).square() * there).sum((1, 2), keepdim=True) / count.clamp_min(1)
    size = torch.where(count > 1, spread.sqrt().clamp(0.1, 3.0), 0.6)
    return middle, size


def in_px(marks: Tensor, size: int) -> Tensor:
    """Inverse of ``marks_of``: marks (n, 24, 3) in the pixels of crops of this size; zeros where nothing is said."""
    px = (marks[..., :2] + 1) * (size / 2) * (marks[..., 2:] > 0)
    return torch.cat([px, marks[..., 2:]], -1)


def at_keypoints(marks: Tensor) -> Tensor:
    """Marks (b, 24, 3) at the keypoints that they are of, (b, 29, 3); zeros at the others."""
    out = marks.new_zeros(len(marks), NUM_KEYPOINTS, 3)
    out[:, _TO_KEYPOINT] = marks[:, _FROM_MARK]
    return out


class PromptBranch(nn.Module):
    """See the module's docstring. Where the marks are and how far they reach is taken out before, and put back after."""

    conditions_type = Conditions

    def __init__(self, config: PromptBranchConfig) -> None:
        super().__init__()
        self.config = config
        w, c = config.width, config.channels
        self.into = nn.Linear(len(PROMPT_POINTS) * _PER_MARK + 3 + 3, w)
        self.blocks = nn.Sequential(*(_Residual(w) for _ in range(config.depth)), nn.LayerNorm(w))
        self.out = nn.Linear(w, NUM_KEYPOINTS * 6 + NUM_TWISTS * 2 + 11)
        self.memory = nn.Linear(w, config.tokens * c)
        self.local = nn.Sequential(
            nn.Linear(w, (NUM_KEYPOINTS + NUM_TWISTS) * _LOCAL_RANK),
            nn.Unflatten(1, (NUM_KEYPOINTS + NUM_TWISTS, _LOCAL_RANK)),
            nn.Linear(_LOCAL_RANK, c),
        )
        self.camera = nn.Linear(3, c)
        nn.init.normal_(self.out.weight, std=1e-3)
        nn.init.zeros_(self.out.bias)

    @property
    def channels(self) -> int:
        return self.config.channels

    @property
    def feature_heads(self) -> tuple[nn.Module, ...]:
        """What the estimate does not need: it learns with the network that the features are for."""
        return self.memory, self.local, self.camera

    def forward(self, marks: Tensor, bearing: Tensor, seen: Tensor | None = None) -> tuple[Tensor, Estimate]:
        """marks (b, 24, 3): u, v, confidence; bearing (b, 3). Returns features (b, width) and the estimate.

        seen: (b, width) of those who look too; added to what is made of the marks, before all else.
        """
        marks, bearing = marks.float(), bearing.float()
        there = (marks[..., 2:] > 0).float()
        middle, size = middle_and_size(marks)
        centred = (marks[..., :2] - middle) / size * there
        told = torch.cat([centred, marks[..., 2:], there], -1).flatten(1)
        with full_precision(marks.device):  # in bf16 a mark is rounded to a hundredth of the crop
            x = self.into(torch.cat([told, middle[:, 0], size[:, 0].log(), bearing], -1))
            x = x if seen is None else x + seen.float()
        features = self.blocks(x).float()
        with full_precision(marks.device):
            out = self.out(features)
        uvd, log_scale, twist, rest = out.split([NUM_KEYPOINTS * 3, NUM_KEYPOINTS * 3, NUM_TWISTS * 2, 11], -1)
        base = torch.zeros(len(marks), NUM_KEYPOINTS, 2, device=out.device)
        base[:, _TO_KEYPOINT] = centred[:, _FROM_MARK]
        uvd = uvd.unflatten(-1, (NUM_KEYPOINTS, 3))
        uv = middle + size * (base + uvd[..., :2])
        depth = uvd[..., 2:] - uvd[:, :1, 2:]
        upright = torch.tensor([1.0, 0.0], device=out.device)
        estimate = Estimate(
            state=PoseState(torch.cat([uv, depth], -1), upright + twist.unflatten(-1, (NUM_TWISTS, 2))),
            uvd_scale=(log_scale.unflatten(-1, (NUM_KEYPOINTS, 3)) - 2.5).clamp(-6, 2).exp(),
            shape=rest[:, :-1],
            extent=2.0
            * torch.exp(rest[:, -1])
            / size[:, 0, 0]
            * 0.6,  # at first two metres where marks reach as far as in most
        )
        return features, estimate

    def lifted(self, marks: Tensor, bearing: Tensor) -> tuple[Tensor, Estimate]:
        """Features (b, width) and the own estimate, of b people of whom nothing is seen."""
        return self(marks, bearing)

    def memory_of(self, features: Tensor, bearing: Tensor) -> Tensor:
        """(b, tokens + 1, c): the person as a whole, and the crop's camera."""
        memory = self.memory(features).unflatten(-1, (self.config.tokens, -1))
        return torch.cat([memory, self.camera(bearing.to(memory.dtype))[:, None]], 1)

    def conditions(self, marks: Tensor, bearing: Tensor) -> Conditions:
        """Everything that later networks are conditioned on, for b people."""
        features, own = self(marks, bearing)
        memory = self.memory_of(features, bearing)
        return Conditions.of(memory, self.local(features), own)

    def conditions_of_views(self, views: Views, device: torch.device) -> Conditions:
        """Their pictures are not looked at."""
        return self.conditions(marks_of(views).to(device), bearing(views.K, views.size).to(device))


def marks_of(views: Views) -> Tensor:
    """What is said of views, (n, 24, 3): u, v across the crop from -1 to 1, and a confidence; zeros where nothing is said."""
    if views.prompts is None:
        return torch.zeros(len(views), len(PROMPT_POINTS), 3)
    px = views.prompts.keypoints_px
    marked = px[..., 2:] > 0
    return torch.cat([(px[..., :2] * (2 / views.size) - 1) * marked, px[..., 2:] * marked], -1)
