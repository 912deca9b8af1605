"""The lit branch: marks of a person, and what a frozen network sees of it, to features and an estimate of the body.

It lifts marks as the prompt branch does, with what is seen at the marks and of the person as a whole beside them. Marks may be
missing, and sight may be; it says how sure it is with what there is.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hmr.camera import bearing
from hmr.keypoint_sets import BLAZEPOSE_33, PROMPT_POINTS
from hmr.networks.conditions import Conditions, Estimate
from hmr.networks.config import LitBranchConfig
from hmr.networks.encoder import map_tokens, position_grid, sample_map
from hmr.networks.image_branch import keypoints_and_middles
from hmr.networks.prompt_branch import PromptBranch, marks_of, middle_and_size
from hmr.sight import COARSE, FINE, HEAT, LANDMARKS, Sight
from hmr.views import Views

_MARKS = len(PROMPT_POINTS)
_LANDMARK, _MARK = BLAZEPOSE_33.taken_to(PROMPT_POINTS)
#: Of each landmark: u, v, confidence, x, y, z.
_PER_LANDMARK = 6


def marks_or_seen(marks: Tensor, sight: Sight) -> Tensor:
    """Marks (b, 24, 3); of people of whom nothing is said, what is seen."""
    seen = torch.zeros_like(marks)
    seen[:, _MARK] = sight.points[:, _LANDMARK].to(marks.dtype)
    nothing = (marks[..., 2] <= 0).all(1)[:, None, None]
    return torch.where(nothing, seen, marks)


class LitBranch(nn.Module):
    """See the module's docstring."""

    conditions_type = Conditions

    def __init__(self, config: LitBranchConfig) -> None:
        super().__init__()
        self.config = config
        c, squeezed, width = config.prompts.channels, config.squeezed, config.prompts.width
        #: What looks at views; None: nothing is seen of any. It is no part of the state: its weights are somebody else's.
        self.eyes: Callable[[Views], Sight] | None = None
        self.prompts = PromptBranch(config.prompts)
        self.squeeze_coarse, self.squeeze_fine = nn.Conv2d(COARSE[0], squeezed, 1), nn.Conv2d(FINE[0], squeezed, 1)
        numbers = squeezed * COARSE[1] ** 2 + _MARKS * (squeezed + 1) + LANDMARKS * _PER_LANDMARK + 1
        self.dropout = nn.Dropout(config.dropout)
        self.seen_in = nn.Sequential(
            nn.Linear(numbers, config.seen), nn.GELU(approximate="tanh"), nn.Linear(config.seen, width)
        )
        nn.init.zeros_(self.seen_in[-1].weight)  # pyright: ignore[reportArgumentType]
        nn.init.zeros_(self.seen_in[-1].bias)  # pyright: ignore[reportArgumentType]
        self.coarse_in, self.fine_in = nn.Conv2d(COARSE[0], c, 1), nn.Conv2d(FINE[0], c, 1)
        # Four cells of heat are one of the local map: where in it a landmark lies is kept in channels.
        self.heat_in = nn.Conv2d(HEAT[0], c, 2, stride=2)
        self.smooth = nn.Conv2d(c, c, 3, padding=1)
        self.coarse_token, self.seen_out = nn.Linear(COARSE[0], c), nn.Linear(c, c)

    @property
    def channels(self) -> int:
        return self.config.prompts.channels

    @property
    def feature_heads(self) -> tuple[nn.Module, ...]:
        """What the estimate does not need: it learns with the network that the features are for."""
        own = (self.coarse_in, self.fine_in, self.heat_in, self.smooth, self.coarse_token, self.seen_out)
        return *own, *self.prompts.feature_heads

    def inputs(self, views: Views, device: torch.device) -> tuple[Sight, Tensor, Tensor]:
        """What ``forward`` takes of views that fit into memory."""
        sight = Sight.nothing(len(views)) if self.eyes is None else self.eyes(views)
        return sight.map(lambda x: x.to(device)), marks_of(views).to(device), bearing(views.K, views.size).to(device)

    def conditions_of_views(self, views: Views, device: torch.device) -> Conditions:
        """Of views that fit into memory."""
        return self.conditions(*self.inputs(views, device))

    def forward(self, sight: Sight, marks: Tensor, towards: Tensor) -> tuple[Tensor, Tensor, Estimate]:
        """sight of b views, marks (b, 24, 3): u, v, confidence; towards (b, 3), see ``bearing``.

        Returns memory (b, m, c), local map (b, c, 16, 16) and the own estimate.
        """
        memory, local_map, own, _ = self._with_lifted(sight, marks, towards)
        return memory, local_map, own

    def _with_lifted(self, sight: Sight, marks: Tensor, towards: Tensor) -> tuple[Tensor, Tensor, Estimate, Tensor]:
        """As ``forward``, and the features (b, width) of what was lifted."""
        lifted, own = self.lifted(sight, marks, towards)
        local_map = self.local_map(sight)
        memory = torch.cat([self.seen_tokens(sight, local_map), self.prompts.memory_of(lifted, towards)], 1)
        return memory, local_map, own, lifted

    def lifted(self, sight: Sight, marks: Tensor, towards: Tensor) -> tuple[Tensor, Estimate]:
        """Features (b, width) and the own estimate."""
        marks = marks_or_seen(marks, sight)
        return self.prompts(marks, towards, self.seen_in(self.dropout(self._seen(sight, marks))))

    def _seen(self, sight: Sight, marks: Tensor) -> Tensor:
        """(b, numbers): the map as a whole, what is seen at the marks, and the landmarks, laid where the marks are."""
        middle, size = middle_and_size(marks)
        coarse = self.squeeze_coarse(sight.coarse).flatten(1)
        there = (marks[..., 2:] > 0).to(coarse.dtype)
        at_marks = sample_map(self.squeeze_fine(sight.fine), marks[..., :2]) * there
        heat = sample_map(sight.heat[:, _LANDMARK], marks[:, _MARK, :2]).diagonal(dim1=1, dim2=2)
        heat_at = torch.zeros_like(there[..., 0]).index_copy(
            1, torch.tensor(_MARK, device=heat.device), heat.to(there.dtype)
        )
        points = torch.cat([(sight.points[..., :2] - middle) / size, sight.points[..., 2:], sight.world_m], -1)
        lit = sight.there[:, None].to(coarse.dtype)
        parts = [coarse, at_marks.flatten(1), heat_at, points.flatten(1).to(coarse.dtype), lit]
        return torch.cat(parts, -1) * lit

    def local_map(self, sight: Sight) -> Tensor:
        """(b, c, 16, 16)"""
        cells = (FINE[1], FINE[1])
        coarse = F.interpolate(self.coarse_in(sight.coarse), cells, mode="bilinear", align_corners=False)
        seen = F.gelu(coarse + self.fine_in(sight.fine) + self.heat_in(sight.heat), approximate="tanh")
        return seen + F.gelu(self.smooth(seen), approximate="tanh")

    def seen_tokens(self, sight: Sight, local_map: Tensor) -> Tensor:
        """(b, 64, c): cells of the view."""
        cells = COARSE[1]
        tokens = map_tokens(F.avg_pool2d(local_map, FINE[1] // cells)) + self.coarse_token(map_tokens(sight.coarse))
        return tokens + position_grid(cells, cells, tokens.shape[-1], tokens)

    def conditions(self, sight: Sight, marks: Tensor, towards: Tensor) -> Conditions:
        """Everything that later networks are conditioned on, for b people."""
        memory, local_map, own, lifted = self._with_lifted(sight, marks, towards)
        seen = self.seen_out(sample_map(local_map, keypoints_and_middles(own.state.uvd)))
        return Conditions.of(memory, self.prompts.local(lifted) + seen, own)
