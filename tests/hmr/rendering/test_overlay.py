"""Bodies drawn over a photograph: the same pixels as when all of the photograph is rasterised."""

import numpy as np
import pytest

from hmr.rendering.overlay import draw_mesh
from hmr.rendering.rasterise import rasterise

# A tetrahedron in front of the camera, faces counter-clockwise from outside.
CORNERS = np.array([[0, -0.4, 0], [-0.3, 0.3, -0.2], [0.3, 0.3, -0.2], [0, 0.2, 0.4]], np.float32)
FACES = np.array([[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2], [0, 2, 1], [0, 3, 2], [0, 1, 3], [1, 2, 3]])
K = np.array([[90.0, 0, 60], [0, 90, 40], [0, 0, 1]])
PHOTOGRAPH = np.random.default_rng(0).integers(0, 256, (80, 120, 3), dtype=np.uint8)


@pytest.mark.parametrize("x", [0.0, 1.1, -1.3, 9.0])
def test_pixels_of_the_body_change_and_no_others(x):
    vertices = CORNERS + np.array([x, 0.1, 2], np.float32)
    before = PHOTOGRAPH.copy()
    drawn = draw_mesh(PHOTOGRAPH, vertices, FACES, K, (0.4, 0.6, 0.9), opacity=1.0)
    covered = rasterise(vertices, FACES.astype(np.int32), K.astype(np.float32), 120, 80)[1] >= 0
    assert covered.any() == (x < 9)
    assert (drawn != PHOTOGRAPH).any(-1)[covered].sum() >= 0.95 * covered.sum()
    assert np.array_equal(drawn[~covered], PHOTOGRAPH[~covered])
    assert np.array_equal(PHOTOGRAPH, before)
