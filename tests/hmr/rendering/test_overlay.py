"""Bodies over pictures: only the part of a picture that a body covers is looked at, and nothing else changes."""

import numpy as np
import pytest
import torch
from moving_people import moving

from hmr.camera import default_K
from hmr.free_body import free_body
from hmr.rendering.overlay import draw_mesh
from hmr.rendering.rasterise import rasterise

MODEL = free_body(1200)


@pytest.mark.parametrize(
    ("t_cam_root", "drawn"),
    [([0, 0, 3], True), ([1.4, 0.5, 3], True), ([0, 0, 0.3], True), ([9, 0, 3], False), ([0, 0, -3], False)],
)
def test_a_body_is_drawn_where_the_whole_picture_says_it_is(t_cam_root, drawn):
    body = moving(MODEL, count=1).bodies[0]
    moved = MODEL.posed(body).vertices - body.t_cam_root + torch.tensor(t_cam_root, dtype=torch.float32)
    vertices, faces, K = moved.numpy(), MODEL.faces.numpy(), default_K(120, 90).numpy()
    before = np.random.default_rng(0).integers(100, 256, size=(90, 120, 3), dtype=np.uint8)
    after = draw_mesh(before, vertices, faces, K, (0, 0, 0), opacity=1.0)
    _, index, _ = rasterise(vertices, faces.astype(np.int32), K.astype(np.float32), 120, 90)
    assert (index >= 0).any() == drawn
    np.testing.assert_array_equal((after == 0).all(-1), index >= 0)
    np.testing.assert_array_equal(after[index < 0], before[index < 0])
