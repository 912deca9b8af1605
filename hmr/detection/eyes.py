"""BlazePose as eyes for other networks: it looks at each view, turned upright by what is said, and what it sees is laid back."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from hmr.detection.blazepose import FEATURES, OUTPUTS, BlazePose, of_body
from hmr.detection.fetch import fetched
from hmr.detection.remembered import RememberingEyes
from hmr.detection.weights import WeightsMissing, blazepose_name
from hmr.keypoint_sets import BLAZEPOSE_33, PROMPT_POINTS
from hmr.sight import COARSE, FINE, HEAT, LANDMARKS, Sight
from hmr.views import Views

_COARSE_MAP, _, _, _FINE_MAP, _ = FEATURES["full"]
_PLACE = PROMPT_POINTS.place
_HIPS = [_PLACE["left_hip"], _PLACE["right_hip"]]
_SHOULDERS = [_PLACE["left_shoulder"], _PLACE["right_shoulder"]]
_FROM_LANDMARK, _TO_MARK = BLAZEPOSE_33.taken_to(PROMPT_POINTS)
#: Times the farthest mark's distance from the hips, as MediaPipe's circle around a body.
_ENLARGE = 2.5
#: Sides of a view that are looked at where nothing is said of a person, and quarter turns that are tried then. By agreement with
#: humans' marks on 200 validation people of LSPET: one look at the view as it is 33 %, at 1.5 of it 49, looked at again where it
#: found them 52, and the turn whose two looks agree best 63.
_WHOLE, _TURNS = 1.6, 4


def upright_known(keypoints_px: Tensor) -> Tensor:
    """(n,) whose hips and shoulders are said, of (n, 24, 3)."""
    there = keypoints_px[..., 2] > 0
    return there[:, _HIPS].all(1) & there[:, _SHOULDERS].all(1)


def look_frames(keypoints_px: Tensor, size: int) -> Tensor:
    """(n, 3, 3) from a look, whose square is [0, 1] across, to a view's pixels.

    keypoints_px: (n, 24, 3) what is said; centred on the hips, large enough for all that is said, shoulders up. A person of whom
    hips or shoulders are not said is looked at as the view is.
    """
    px, there = keypoints_px[..., :2], keypoints_px[..., 2] > 0
    known = upright_known(keypoints_px)
    hips, shoulders = px[:, _HIPS].mean(1), px[:, _SHOULDERS].mean(1)
    reach = ((px - hips[:, None]).norm(dim=-1) * there).amax(1).clamp_min(0.1 * size)
    up = F.normalize(shoulders - hips, dim=-1)
    side = _ENLARGE * reach
    # The look's y axis points down, away from ``up``; its x axis is that turned by a quarter.
    down = -up * side[:, None]
    right = torch.stack([down[:, 1], -down[:, 0]], -1)
    told = torch.eye(3).repeat(len(px), 1, 1)
    told[:, :2, 0], told[:, :2, 1] = right, down
    told[:, :2, 2] = hips - 0.5 * (right + down)
    return torch.where(known[:, None, None], told, whole_frame(size, 0))


def whole_frame(size: int, quarters: int) -> Tensor:
    """(3, 3) of a look at all of a view, turned about its middle."""
    turn = quarters * torch.pi / 2
    R = torch.tensor([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    A = torch.eye(3)
    A[:2, :2] = _WHOLE * size * R
    A[:2, 2] = size / 2 - A[:2, :2] @ torch.tensor([0.5, 0.5])
    return A


def _looked_at(pictures: Tensor, A_view_look: Tensor, size: int) -> Tensor:
    """(n, 3, s, s) pictures to (n, 3, size, size) looks; a border is repeated, as MediaPipe's models expect."""
    steps = torch.arange(size, device=pictures.device) / size
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    places = torch.stack([x, y, torch.ones_like(x)], -1)
    px = torch.einsum("nij,hwj->nhwi", A_view_look[:, :2], places)
    grid = 2 * px / max(pictures.shape[-1] - 1, 1) - 1
    return F.grid_sample(pictures, grid, mode="bilinear", padding_mode="border", align_corners=True)


def _laid_on_view(maps: Tensor, A_look_view: Tensor, size: int, cells: int) -> Tensor:
    """Maps (n, c, h, w) of looks to (n, c, cells, cells) of views of ``size`` px; zero where nothing was looked at."""
    steps = (torch.arange(cells, device=maps.device) + 0.5) * (size / cells)
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    look = torch.einsum("nij,hwj->nhwi", A_look_view[:, :2], torch.stack([x, y, torch.ones_like(x)], -1))
    return F.grid_sample(maps, 2 * look - 1, mode="bilinear", padding_mode="zeros", align_corners=False)


def _marked_by(sight: Sight, size: int) -> Tensor:
    """(n, 24, 3) the landmarks that were seen, in pixels of views of ``size``."""
    marks = torch.zeros(len(sight), len(PROMPT_POINTS), 3)
    points = sight.points[:, _FROM_LANDMARK]
    marks[:, _TO_MARK] = torch.cat([(points[..., :2] + 1) * (size / 2), points[..., 2:]], -1)
    return marks


class Eyes:
    """A callable from views to what BlazePose (full) sees in them."""

    def __init__(self, blazepose: BlazePose) -> None:
        """Raises ValueError for another size of BlazePose, whose inner maps are others."""
        shapes = [blazepose.graph.shapes.get(number) for number in (_COARSE_MAP, _FINE_MAP)]
        if shapes != [(c, cells, cells) for c, cells in (COARSE, FINE)]:
            raise ValueError(f"expected the inner maps of pose_landmark_full.tflite, got {shapes}")
        self.blazepose = blazepose

    @classmethod
    def load(cls, folder: Path | None = None, offline: bool = False, tell: Callable[[str], None] = print) -> Eyes:
        """With the weights in ``folder`` (or where they are kept), fetched when they are not there yet.

        Raises as ``hmr.detection.fetch.fetched``.
        """
        name = blazepose_name("full")
        return cls(BlazePose(fetched([name], folder, offline, tell)[name]))

    @torch.inference_mode()
    def __call__(self, views: Views, batch_size: int = 8) -> Sight:
        """Some views at a time: this is what its kernels are fastest at."""
        parts = []
        for start in range(0, len(views), batch_size):
            rows = slice(start, start + batch_size)
            px = None if views.prompts is None else views.prompts.keypoints_px[rows]
            parts.append(self.look(views.pictures(rows), px))
        return Sight.cat(parts) if parts else Sight.nothing(0)

    def look(self, pictures: Tensor, keypoints_px: Tensor | None) -> Sight:
        """pictures (n, 3, s, s) in [0, 1]; keypoints_px (n, 24, 3) in their pixels, or None.

        Where hips and shoulders are not said it looks at the whole view, and again where it found those; with each side up, of
        which that is taken whose two looks agree best.
        """
        size = pictures.shape[-1]
        if keypoints_px is None:
            return self._found(pictures)
        known = upright_known(keypoints_px)
        told = self._look(pictures[known], look_frames(keypoints_px[known], size)) if bool(known.any()) else None
        if told is not None and bool(known.all()):
            return told
        found = self._found(pictures[~known])
        if told is None:
            return found
        order = torch.cat([known.nonzero()[:, 0], (~known).nonzero()[:, 0]]).argsort()
        return Sight.cat([told, found])[order]

    def _found(self, pictures: Tensor) -> Sight:
        """Of people of whom nothing is said."""
        n, size = len(pictures), pictures.shape[-1]
        seconds, apart = [], []
        for quarters in range(_TURNS):
            first = self._look(pictures, whole_frame(size, quarters).expand(n, 3, 3))
            second = self._look(pictures, look_frames(_marked_by(first, size), size))
            seconds.append(second)
            apart.append((first.points - second.points)[:, _FROM_LANDMARK, :2].norm(dim=-1).mean(1))
        best = torch.stack(apart).argmin(0)
        return Sight.cat(seconds)[best * n + torch.arange(n)]

    def _look(self, pictures: Tensor, A_view_look: Tensor) -> Sight:
        """At what the frames (n, 3, 3) say."""
        n, size = len(pictures), pictures.shape[-1]
        A_look_view = torch.linalg.inv(A_view_look)
        graph = self.blazepose.graph
        looks = _looked_at(pictures, A_view_look, self.blazepose.size)
        made = graph(looks.contiguous(memory_format=torch.channels_last), (_COARSE_MAP, _FINE_MAP))
        named = {name: made[graph.numbers[number]] for name, number in OUTPUTS.items()}
        heat = named["heat"].sigmoid()
        points = self.blazepose.points(named["landmarks"], heat)
        px = points[..., :2] @ A_view_look[:, :2, :2].transpose(1, 2) + A_view_look[:, None, :2, 2]
        turn = A_view_look[:, :2, :2] / A_view_look[:, :2, :2].norm(dim=1, keepdim=True)
        world = of_body(named["world"], 3)
        mask = F.avg_pool2d(named["mask"].sigmoid(), 4)
        heat = torch.cat([heat[:, :LANDMARKS], mask], 1)
        return Sight(
            coarse=_laid_on_view(made[_COARSE_MAP], A_look_view, size, COARSE[1]),
            fine=_laid_on_view(made[_FINE_MAP], A_look_view, size, FINE[1]),
            heat=_laid_on_view(F.avg_pool2d(heat, 2), A_look_view, size, HEAT[1]),
            points=torch.cat([px * (2 / size) - 1, points[..., 2:]], -1),
            world_m=torch.cat([world[..., :2] @ turn.transpose(1, 2), world[..., 2:]], -1),
            there=torch.ones(n, dtype=torch.bool),
        )


@lru_cache(maxsize=1)
def _remembering(weights: Path) -> RememberingEyes:
    return RememberingEyes(Eyes(BlazePose(weights)))


def eyes_or_none(whose: str, offline: bool = False, tell: Callable[[str], None] = print) -> RememberingEyes | None:
    """The same for all networks of a process, so that what one has looked at others need not look at again.

    None where their weights cannot be had; then it is told what that costs.
    """
    name = blazepose_name("full")
    try:
        return _remembering(fetched([name], offline=offline, tell=tell)[name])
    except WeightsMissing as error:
        tell(f"note: {whose} goes by keypoints alone, since what it sees through is missing ({error})")
        return None
