"""Predictions as files: parameters, meshes, overlays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import trimesh
from PIL import Image

from hmr.body import BodyModel, BodyParams
from hmr.body_codec import arrays_of_bodies, write_arrays
from hmr.files import write_atomically
from hmr.prediction import Prediction
from hmr.rendering.overlay import draw_body

_PALETTE = [
    (0.42, 0.62, 0.92),
    (0.95, 0.66, 0.25),
    (0.35, 0.78, 0.45),
    (0.85, 0.45, 0.75),
    (0.9, 0.36, 0.34),
    (0.4, 0.8, 0.8),
]


def _arrays(params: BodyParams, model: BodyModel) -> dict[str, np.ndarray]:
    pelvis = model.rest_keypoints(params.shape, params.expression)[..., 0, :]
    return {
        **arrays_of_bodies(params),
        "R_cam_root": params.R_cam_root.numpy(),
        "R_parent_joint": params.R_parent_joint.numpy(),
        "transl": (params.t_cam_root - pelvis).numpy(),
    }


def write_parameters(path: Path, people: Prediction, boxes_xyxy: np.ndarray, model: BodyModel) -> None:
    """One .npz for the people of a photograph: ranked bodies of each (best first) in the photograph's camera frame, metres.

    Under ``estimate_`` the body of each person that is drawn. boxes_xyxy: (p, 4) pixels.

    ``transl`` is SMPL's: t_cam_root minus the rest pelvis. `adhmr rank --images` reads such files.
    """
    write_arrays(
        path,
        {
            "key": np.array(people.views.key, dtype=np.str_),
            "box_xyxy": boxes_xyxy.astype(np.float32),
            **_arrays(people.ranked.params, model),
            **{f"estimate_{name}": array for name, array in _arrays(people.estimate, model).items()},
            "score": people.score.numpy().astype(np.float32),
            "expected_pve_mm": people.expected_error_mm.numpy().astype(np.float32),
            "K": people.views.camera.K[0].numpy(),
            "body_model": np.array(model.name),
        },
    )


def write_meshes(stem: Path, params: BodyParams, model: BodyModel) -> None:
    """One body (no batch axes): ``stem``.obj in the camera frame (y down) and ``stem``.glb turned upright (y up), metres."""
    vertices, faces = model.posed(params).vertices.numpy(), model.faces.numpy()
    for suffix, turned in ((".obj", vertices), (".glb", vertices * np.array([1.0, -1.0, -1.0]))):
        mesh = trimesh.Trimesh(turned, faces, process=False)
        with write_atomically(stem.with_name(stem.name + suffix)) as partial:
            mesh.export(partial, file_type=suffix[1:])


def write_overlay(path: Path, photograph: np.ndarray, people: Prediction, model: BodyModel) -> None:
    """All people of a photograph (h, w, 3), the chosen body each, the far ones first."""
    out, K = photograph, people.views.camera.K[0].numpy()
    for place in torch.argsort(people.estimate.t_cam_root[:, 2], descending=True).tolist():
        out = draw_body(out, people.estimate[place], K, model, _PALETTE[place % len(_PALETTE)], opacity=0.75)
    with write_atomically(path) as partial:
        Image.fromarray(out).save(partial)
