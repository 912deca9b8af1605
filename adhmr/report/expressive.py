"""Bodies with hands beside their pictures: is a hand where it should be, and does it do what it does?"""

from __future__ import annotations

import numpy as np

from hmr.body import BodyParams
from hmr.rendering.overlay import BLUE, GREEN, draw_mesh, enlarged, sheet
from hmr.samples import Samples
from hmr.skinned_body import SkinnedBody


def expressive_sheet(samples: Samples, predicted: BodyParams, model: SkinnedBody, factor: int = 4) -> np.ndarray:
    """Three pictures a row for each person: the crop, the label over it (green), the prediction over it (blue)."""
    truth, bodies = model.posed(samples.label).vertices.numpy(), model.posed(predicted).vertices.numpy()
    faces, pictures = model.faces.numpy(), []
    for i, rgb in enumerate(samples.rgb[:].permute(0, 2, 3, 1).numpy()):
        big, K = enlarged(rgb, samples.K[i].numpy(), factor)
        pictures += [big, draw_mesh(big, truth[i], faces, K, GREEN), draw_mesh(big, bodies[i], faces, K, BLUE)]
    return sheet(pictures, 6)
