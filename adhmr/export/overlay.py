"""The people of a photograph drawn over it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from adhmr.export.colours import colour_of
from hmr.files import write_atomically
from hmr.prediction import Prediction
from hmr.rendering.overlay import draw_mesh

#: Of PNG's nine: four times as fast as the usual one, files of photographs are a tenth larger.
_COMPRESSION = 1


def write_overlay(path: Path, photograph: np.ndarray, people: Prediction, vertices_cam: Tensor, faces: Tensor) -> None:
    """All people of a photograph (h, w, 3), the chosen body (p, v, 3) each, the far ones first."""
    out, K = photograph, people.views.camera.K[0].numpy()
    vertices, corners = vertices_cam.numpy(), faces.numpy()
    for place in torch.argsort(people.estimate.t_cam_root[:, 2], descending=True).tolist():
        out = draw_mesh(out, vertices[place], corners, K, colour_of(place), opacity=0.75)
    with write_atomically(path) as partial:
        Image.fromarray(out).save(partial, compress_level=_COMPRESSION)
