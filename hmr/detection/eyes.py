"""BlazePose as eyes for other networks: it looks at each view, turned upright by what is said, and what it sees is laid back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from hmr.detection.blazepose import FEATURES, OUTPUTS, BlazePose, of_body
from hmr.detection.fetch import fetched
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
#: Sides of a view that are looked at where nothing is said of a person.
_WHOLE = 1.0
#: Confidence from which a first look says where to look again.
_SURE = 0.3


def upright_known(keypoints_px: Tensor) -> Tensor:
    """(n,) whose hips and shoulders are said, of (n, 24, 3)."""
    there = keypoints_px[..., 2] > 0
    return there[:, _HIPS].all(1) & there[:, _SHOULDERS].all(1)


def look_frames(keypoints_px: Tensor, size: int) -> Tensor:
    """(n, 3, 3) from a look, whose square is [0, 1] across, to a view's pixels.

    keypoints_px: (n, 24, 3) what is said; centred on the hips, large enough for all that is said, shoulders up. A person of whom
    hips or shoulders are not said is looked at as the view is.
    """
    A = torch.eye(3).repeat(len(keypoints_px), 1, 1)
    A[:, 0, 0] = A[:, 1, 1] = _WHOLE * size
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
    return torch.where(known[:, None, None], told, A)


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
    """(n, 24, 3) the landmarks that were seen surely, in pixels of views of ``size``."""
    marks = torch.zeros(len(sight), len(PROMPT_POINTS), 3)
    marks[:, _TO_MARK] = sight.points[:, _FROM_LANDMARK]
    sure = marks[..., 2:] >= _SURE
    return torch.cat([(marks[..., :2] + 1) * (size / 2), marks[..., 2:]], -1) * sure


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

        Where hips and shoulders are not said it looks at the whole view, and again where it found those.
        """
        said = torch.zeros(len(pictures), len(PROMPT_POINTS), 3) if keypoints_px is None else keypoints_px.clone()
        unsaid = ~upright_known(said)
        if bool(unsaid.any()):
            said[unsaid] = _marked_by(self._look(pictures[unsaid], torch.zeros_like(said[unsaid])), pictures.shape[-1])
        return self._look(pictures, said)

    def _look(self, pictures: Tensor, keypoints_px: Tensor) -> Sight:
        n, size = len(pictures), pictures.shape[-1]
        A_view_look = look_frames(keypoints_px, size)
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


def eyes_or_none(whose: str, offline: bool = False, tell: Callable[[str], None] = print) -> Eyes | None:
    """Where their weights cannot be had it is told what that costs."""
    try:
        return Eyes.load(offline=offline, tell=tell)
    except WeightsMissing as error:
        tell(f"note: {whose} goes by keypoints alone, since what it sees through is missing ({error})")
        return None
