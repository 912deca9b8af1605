"""The people of a photograph drawn over it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from adhmr.export.colours import colour_of
from hmr.body import BodyModel
from hmr.files import write_atomically
from hmr.prediction import Prediction
from hmr.rendering.overlay import draw_body


def write_overlay(path: Path, photograph: np.ndarray, people: Prediction, model: BodyModel) -> None:
    """All people of a photograph (h, w, 3), the chosen body each, the far ones first."""
    out, K = photograph, people.views.camera.K[0].numpy()
    for place in torch.argsort(people.estimate.t_cam_root[:, 2], descending=True).tolist():
        out = draw_body(out, people.estimate[place], K, model, colour_of(place), opacity=0.75)
    with write_atomically(path) as partial:
        Image.fromarray(out).save(partial)
