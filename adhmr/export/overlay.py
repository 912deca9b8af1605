"""The people of a photograph drawn over it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from adhmr.export.colours import colour_of
from hmr.body import BodyParams
from hmr.files import write_atomically
from hmr.prediction import Prediction
from hmr.rendering.overlay import draw_mesh

#: Of PNG's nine: four times as fast as the usual one, files of photographs are a tenth larger.
_COMPRESSION = 1


def people_over(
    photograph: np.ndarray, K: np.ndarray, people: BodyParams, vertices_cam: Tensor, faces: Tensor
) -> np.ndarray:
    """Bodies [p] with vertices (p, v, 3) over a photograph (h, w, 3) with the camera K (3, 3), the far ones first."""
    out, vertices, corners = photograph, vertices_cam.numpy(), faces.numpy()
    for place in torch.argsort(people.t_cam_root[:, 2], descending=True).tolist():
        out = draw_mesh(out, vertices[place], corners, K, colour_of(place), opacity=0.75)
    return out


def write_overlay(path: Path, photograph: np.ndarray, people: Prediction, vertices_cam: Tensor, faces: Tensor) -> None:
    """All people of a photograph (h, w, 3), the chosen body (p, v, 3) each."""
    out = people_over(photograph, people.views.camera.K[0].numpy(), people.estimate, vertices_cam, faces)
    with write_atomically(path) as partial:
        Image.fromarray(out).save(partial, compress_level=_COMPRESSION)
