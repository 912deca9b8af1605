"""MPVPE and PA-MPVPE of the whole body, the hands and the face, as OSX and CoEvoer report them; mm."""

from __future__ import annotations

import torch
from torch import Tensor

from hmr.body import BodyParams
from hmr.metrics import point_error_mm, similarity_aligned
from hmr.skeleton_smplx import PART_NAMES, SMPLX
from hmr.skinned_body import SkinnedBody


def expressive_errors_mm(
    predicted: BodyParams, truth: BodyParams, model: SkinnedBody, chunk: int = 128
) -> dict[str, Tensor]:
    """[n] bodies each to (n,) errors: ``mpvpe_all`` with the pelvis joints laid on each other, ``mpvpe_left_hand``,
    ``mpvpe_right_hand`` with the wrists, ``mpvpe_face`` with the necks; and ``pa_mpvpe_…`` after a similarity of the part."""
    parts = []
    for start in range(0, len(predicted.shape), chunk):
        rows = slice(start, start + chunk)
        parts.append(_errors_mm(predicted[rows], truth[rows], model))
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def _errors_mm(predicted: BodyParams, truth: BodyParams, model: SkinnedBody) -> dict[str, Tensor]:
    a, b = model.posed(predicted), model.posed(truth)
    everything = torch.arange(a.vertices.shape[-2])
    regions = {"all": (everything, 0)} | {
        part: (model.part_vertices(part), root) for part, root in SMPLX.part_root.items()
    }
    out = {}
    for name, (vertices, root) in regions.items():
        x = a.vertices[:, vertices] - a.joints[:, root : root + 1]
        y = b.vertices[:, vertices] - b.joints[:, root : root + 1]
        out[f"mpvpe_{name}"] = point_error_mm(x, y)
        out[f"pa_mpvpe_{name}"] = point_error_mm(similarity_aligned(x, y), y)
    return out


def known_means(errors_mm: dict[str, Tensor], part_known: Tensor) -> dict[str, float]:
    """Means of ``expressive_errors_mm``'s (n,) where a label knows the part (n, 4), and for hands and face its body as well;
    everything where all parts are known. NaN where no label does."""
    body = part_known[:, PART_NAMES.index("body")]
    known = {part: body & part_known[:, PART_NAMES.index(part)] for part in SMPLX.part_root} | {
        "all": part_known.all(-1)
    }
    return {name: float(mm[known[name.split("mpvpe_")[1]]].mean()) for name, mm in errors_mm.items()}


def finger_variance(params: BodyParams) -> Tensor:
    """Variance over n bodies of the fingers' rotation matrices, summed over their entries and joints: a scalar.

    Collapsed, static hands, a known failure of this field, have next to none of the truth's.
    """
    joints = [joint - 1 for part in ("left_hand", "right_hand") for joint in SMPLX.part_joints[part]]
    return params.R_parent_joint[:, joints].var(0).sum()
