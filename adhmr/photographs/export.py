"""Predictions as files: parameters, meshes, overlays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import trimesh
from PIL import Image

from hmr.body import BodyParams
from hmr.files import write_atomically
from hmr.rendering.overlay import draw_body
from hmr.samples import body_params_arrays, write_arrays
from hmr.smpl_layout import LayoutBody

_PALETTE = [
    (0.42, 0.62, 0.92),
    (0.95, 0.66, 0.25),
    (0.35, 0.78, 0.45),
    (0.85, 0.45, 0.75),
    (0.9, 0.36, 0.34),
    (0.4, 0.8, 0.8),
]


def _arrays(params: BodyParams, model: LayoutBody) -> dict[str, np.ndarray]:
    pelvis = model.rest_keypoints(params.shape)[..., 0, :]
    return {
        **body_params_arrays(params),
        "R_cam_root": params.R_cam_root.numpy(),
        "R_parent_joint": params.R_parent_joint.numpy(),
        "transl": (params.t_cam_root - pelvis).numpy(),
    }


def write_parameters(
    path: Path, keys: list[str], boxes: list[tuple[float, ...]], ranked: BodyParams, estimate: BodyParams,
    scores: np.ndarray, expected_error_mm: np.ndarray, K: torch.Tensor, model: LayoutBody,
) -> None:  # fmt: skip
    """One .npz for a photograph: p people, n ranked bodies each (best first), in the photograph's camera frame, metres; under
    ``estimate_`` the body of each person that is drawn.

    ``transl`` is SMPL's: t_cam_root minus the rest pelvis.
    """
    write_arrays(
        path,
        {
            "key": np.array(keys, dtype=np.str_),
            "box_xyxy": np.array(boxes, dtype=np.float32),
            **_arrays(ranked, model),
            **{f"estimate_{name}": array for name, array in _arrays(estimate, model).items()},
            "score": scores.astype(np.float32),
            "expected_pve_mm": expected_error_mm.astype(np.float32),
            "K": K.numpy(),
            "body_model": np.array(model.name),
        },
    )


def write_meshes(stem: Path, best: BodyParams, model: LayoutBody) -> None:
    """``stem``.obj in the camera frame (y down) and ``stem``.glb turned upright (y up), metres."""
    vertices, faces = model.posed(best).vertices.numpy(), model.faces.numpy()
    for suffix, turned in ((".obj", vertices), (".glb", vertices * np.array([1.0, -1.0, -1.0]))):
        mesh = trimesh.Trimesh(turned, faces, process=False)
        with write_atomically(stem.with_name(stem.name + suffix)) as partial:
            mesh.export(partial, file_type=suffix[1:])


def write_overlay(path: Path, photograph: np.ndarray, best: BodyParams, K: torch.Tensor, model: LayoutBody) -> None:
    """All people of a photograph, best body each, the far ones first."""
    out = photograph
    for place in torch.argsort(best.t_cam_root[:, 2], descending=True).tolist():
        out = draw_body(out, best[place], K.numpy(), model, _PALETTE[place % len(_PALETTE)], opacity=0.75)
    with write_atomically(path) as partial:
        Image.fromarray(out).save(partial)
