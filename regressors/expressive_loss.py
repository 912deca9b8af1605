"""L = L_param + L_kpts + L_bbox (CoEvoer, equation 4), with what a label does not know masked out.

L_param and L_kpts are L1 distances, of parameters and of 3D and projected 2D keypoints. Keypoints of hands and face are compared
relative to wrist and neck as well, or a hand would be learnt only as far as its arm is wrong (OSX). As everywhere in this house
2D places come with the cross-entropy of their heat maps, which learns about twice as fast.
"""

from __future__ import annotations

import torch
from torch import Tensor

from hmr.body import BodyParams
from hmr.camera import project
from hmr.networks.branch_loss import heatmap_cross_entropy
from hmr.part_boxes import part_boxes
from hmr.pose_state import uvd_from_points
from hmr.samples import Samples
from hmr.skeleton_smplx import PART_NAMES, SMPLX
from hmr.skinned_body import SkinnedBody
from regressors.expressive import NUM_BODY_JOINTS, ExpressivePrediction

_BODY = PART_NAMES.index("body")


def part_of_keypoints() -> Tensor:
    """(81,) index into PART_NAMES of the part that each keypoint belongs to; jaw and eyes belong to the face."""
    part = torch.zeros(SMPLX.num_keypoints, dtype=torch.long)
    for name, owners in SMPLX.part_owners.items():
        part[[k for k in (*SMPLX.parts[name], *owners) if k >= NUM_BODY_JOINTS]] = PART_NAMES.index(name)
    return part


def part_of_joints() -> Tensor:
    """(54,) the same for the rotations of joints 1..54; how a wrist turns is its hand's."""
    part = part_of_keypoints()[1 : SMPLX.num_joints]
    for name in ("left_hand", "right_hand"):
        part[SMPLX.part_root[name] - 1] = PART_NAMES.index(name)
    return part


def masked_mean(error: Tensor, mask: Tensor) -> Tensor:
    """Mean of ``error`` where ``mask`` (the same shape, or one that broadcasts); 0 where nothing is."""
    weight = mask.to(error.dtype).expand_as(error)
    return (error * weight).sum() / weight.sum().clamp_min(1.0)


def expression_of(params: BodyParams) -> Tensor:
    assert params.expression is not None  # bodies of SMPL-X have one
    return params.expression


def placed(part_known: Tensor) -> Tensor:
    """(b, 4) whose place is known: hands and face hang on the body, and where it is not known, nor are they. How fingers are bent
    may be known all the same."""
    return part_known & part_known[:, _BODY, None]


def localisation_loss(
    predicted: ExpressivePrediction, label: Samples, model: SkinnedBody
) -> tuple[Tensor, dict[str, Tensor]]:
    """L_bbox and the places of the body's joints: what an encoder is pre-trained on, as OSX starts from a pose estimator's.

    It says nothing of what hands do. label: the same b pictures. Returns the loss and its parts, detached.
    """
    known, size, K = placed(label.known_parts()), label.size, label.K
    body = known[:, _BODY, None]
    with torch.no_grad():
        points = model.keypoints(label.label.where_missing_at_rest())
        box, inside = part_boxes(project(points, K), size)
        centre = 2 * box[..., :2].clamp(0, 1) - 1
        uvd = uvd_from_points(points[:, :NUM_BODY_JOINTS], K, size)
    seen = torch.nn.functional.binary_cross_entropy_with_logits(
        predicted.boxes.seen_logit, inside.float(), reduction="none"
    )
    parts = {
        "uvd": masked_mean((predicted.joints_uvd - uvd).abs().clamp_max(2).mean(-1), body),
        "heatmaps": masked_mean(heatmap_cross_entropy(predicted.joint_heatmaps, uvd[..., :2]), body),
        "boxes": masked_mean((predicted.boxes.square - box).abs().mean(-1), inside & known[:, 1:]),
        "box_heatmaps": masked_mean(heatmap_cross_entropy(predicted.boxes.heatmaps, centre), inside & known[:, 1:]),
        "seen": masked_mean(seen, known[:, 1:]),
    }
    return _weighed(parts, {"uvd": 4.0, "heatmaps": 0.5, "boxes": 2.0, "box_heatmaps": 0.3, "seen": 0.1})


def parameter_loss(
    predicted: ExpressivePrediction, label: Samples, model: SkinnedBody
) -> tuple[Tensor, dict[str, Tensor]]:
    """L_param and L_kpts, as ``localisation_loss``."""
    params, truth, known = predicted.params, label.label.where_missing_at_rest(), label.known_parts()
    in_place = placed(known)
    body, face = known[:, _BODY, None], known[:, PART_NAMES.index("face"), None]
    points = model.keypoints(params)
    with torch.no_grad():
        true_points = model.keypoints(truth)
    off_px = (project(points, label.K) - project(true_points, label.K)).abs().clamp_max(2 * label.size).mean(-1)
    joints = (params.R_parent_joint - truth.R_parent_joint).abs().mean((-1, -2))
    root = (params.R_cam_root - truth.R_cam_root).abs().mean((-1, -2))[:, None]
    relative = (points - points[:, :1]) - (true_points - true_points[:, :1])
    parts = {
        "rotation": masked_mean(joints, known[:, part_of_joints()]) + masked_mean(root, body),
        "shape": masked_mean((params.shape - truth.shape).abs(), body),
        "expression": masked_mean((expression_of(params) - expression_of(truth)).abs(), face),
        "points_3d": masked_mean(relative.abs().mean(-1), in_place[:, part_of_keypoints()]),
        "points_2d": masked_mean(off_px / label.size, in_place[:, part_of_keypoints()]),
    }
    for i, (name, root_joint) in enumerate(SMPLX.part_root.items(), start=1):
        on_part = list(SMPLX.parts[name])
        local, true_local = (p[:, on_part] - p[:, root_joint : root_joint + 1] for p in (points, true_points))
        parts[name] = masked_mean((local - true_local).abs().mean(-1), in_place[:, i, None])
    weights = {"rotation": 2.0, "shape": 0.1, "expression": 0.1, "points_3d": 10.0, "points_2d": 2.0}
    return _weighed(parts, {**weights, "left_hand": 10.0, "right_hand": 10.0, "face": 5.0})


def expressive_loss(
    predicted: ExpressivePrediction, label: Samples, model: SkinnedBody
) -> tuple[Tensor, dict[str, Tensor]]:
    """All three terms."""
    places, logs = localisation_loss(predicted, label, model)
    params, more = parameter_loss(predicted, label, model)
    return places + params, {**logs, **more}


def _weighed(parts: dict[str, Tensor], weights: dict[str, float]) -> tuple[Tensor, dict[str, Tensor]]:
    total = torch.stack([weights[name] * value for name, value in parts.items()]).sum()
    return total, {name: value.detach() for name, value in parts.items()}
