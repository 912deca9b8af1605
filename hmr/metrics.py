"""How far is a body from the truth, and how good is a set of samples? Equations only; see docs of each for its source.

Protocol: bodies are aligned at the pelvis joint; MPJPE is over SMPL's 24 joints; PVE over the vertices of the body model
in use; the PA versions are aligned by a similarity (rotation, scale, translation; no reflection). All in millimetres.
"""

from __future__ import annotations

import torch
from torch import Tensor

from hmr.body import Body, BodyModel, BodyParams
from hmr.rotations import nearest_rotation

MM_PER_METRE = 1000.0


def point_error_mm(a: Tensor, b: Tensor) -> Tensor:
    """Mean distance of corresponding points: (..., p, 3) metres to (...) mm."""
    return torch.linalg.vector_norm(a - b, dim=-1).mean(-1) * MM_PER_METRE


def similarity_aligned(points: Tensor, target: Tensor) -> Tensor:
    """``points`` after the similarity that brings it closest to ``target`` (Umeyama 1991); both (..., p, 3)."""
    mu, mu_target = points.mean(-2, keepdim=True), target.mean(-2, keepdim=True)
    centred, centred_target = points - mu, target - mu_target
    R = nearest_rotation(centred_target.transpose(-1, -2) @ centred)
    trace = (R * (centred_target.transpose(-1, -2) @ centred)).sum((-1, -2))
    scale = trace / centred.square().sum((-1, -2)).clamp_min(1e-12)
    return scale[..., None, None] * centred @ R.transpose(-1, -2) + mu_target


def pelvis_aligned(body: Body) -> tuple[Tensor, Tensor]:
    """Vertices and the 24 joints relative to the pelvis joint."""
    pelvis = body.keypoints[..., :1, :]
    return body.vertices - pelvis, body.joints - pelvis


def body_errors_mm(predicted: Body, truth: Body) -> dict[str, Tensor]:
    """pve, mpjpe, pa_pve, pa_mpjpe, each (...) mm. ``truth`` broadcasts against ``predicted``."""
    vertices, joints = pelvis_aligned(predicted)
    true_vertices, true_joints = (
        x.expand_as(y) for x, y in zip(pelvis_aligned(truth), (vertices, joints), strict=True)
    )
    return {
        "pve": point_error_mm(vertices, true_vertices),
        "mpjpe": point_error_mm(joints, true_joints),
        "pa_pve": point_error_mm(similarity_aligned(vertices, true_vertices), true_vertices),
        "pa_mpjpe": point_error_mm(similarity_aligned(joints, true_joints), true_joints),
    }


def pairwise_distance_mm(vertices: Tensor) -> Tensor:
    """Mean vertex distance between all samples of one picture: (n, v, 3) pelvis-aligned metres to (n, n) mm."""
    per_vertex = vertices.transpose(0, 1)
    return torch.cdist(per_vertex, per_vertex, compute_mode="donot_use_mm_for_euclid_dist").mean(0) * MM_PER_METRE


def spread_mm(pairwise_mm: Tensor) -> Tensor:
    """Mean distance between different samples, from (..., n, n)."""
    n = pairwise_mm.shape[-1]
    return pairwise_mm.sum((-1, -2)) / max(n * (n - 1), 1)


def energy_score_mm(error_mm: Tensor, pairwise_mm: Tensor) -> Tensor:
    """ES = E|X - y| - 1/2 E|X - X'| (Gneiting and Raftery 2007, eq. 21), the unbiased estimate from n samples.

    error_mm: (..., n) distance of each sample to the truth. pairwise_mm: (..., n, n). Proper; lower is better.
    """
    return error_mm.mean(-1) - 0.5 * spread_mm(pairwise_mm)


def medoid_distance_mm(pairwise_mm: Tensor) -> Tensor:
    """Mean distance of each sample to the others, (..., n): the smallest is the medoid, chosen without the picture."""
    n = pairwise_mm.shape[-1]
    return pairwise_mm.sum(-1) / max(n - 1, 1)


def errors_of_hypotheses_mm(
    hypotheses: BodyParams, truth: BodyParams, model: BodyModel, chunk: int = 64
) -> dict[str, Tensor]:
    """Errors of hypotheses [b, n] against truth [b], each (b, n), plus ``pairwise`` (b, n, n) between the hypotheses
    and ``mean_sample_*`` (b,): vertices and joints averaged over the samples (contraction cannot lower its error)."""
    rows: list[dict[str, Tensor]] = []
    for start in range(0, hypotheses.batch_shape[0], chunk):
        part = slice(start, start + chunk)
        predicted, true = model.posed(hypotheses[part]), model.posed(truth[part])
        true_n = Body(true.vertices[:, None], true.keypoints[:, None])
        row = body_errors_mm(predicted, true_n)
        vertices, joints = pelvis_aligned(predicted)
        centre = Body(vertices.mean(1), joints.mean(1))
        row.update({f"mean_sample_{k}": v for k, v in body_errors_mm(centre, true).items()})
        row["pairwise"] = torch.stack([pairwise_distance_mm(v) for v in vertices])
        rows.append(row)
    return {key: torch.cat([row[key] for row in rows]) for key in rows[0]}
