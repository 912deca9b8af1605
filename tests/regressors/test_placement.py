"""A body is laid on the joints that were seen, and joints at the border of the crop say nothing."""

from __future__ import annotations

import torch

from hmr.camera import project
from regressors.placement import heatmap_weight, shift_onto_joints

SIZE = 64
K = torch.tensor([[[120.0, 0.0, 32.0], [0.0, 120.0, 32.0], [0.0, 0.0, 1.0]]])


def points(seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, 22, 3, generator=generator) * 0.3 + torch.tensor([0.0, 0.0, 3.0])


def test_a_body_beside_its_joints_is_moved_back_onto_them() -> None:
    true = points(0)
    uv = project(true, K) / (SIZE / 2) - 1
    away = torch.tensor([[0.21, -0.13, 0.0]])
    shift = shift_onto_joints(true + away, uv, torch.ones(1, 22), K, SIZE)
    torch.testing.assert_close(shift, -away, atol=1e-4, rtol=0)


def test_joints_that_may_lie_outside_do_not_pull() -> None:
    true = points(1)
    uv = project(true, K) / (SIZE / 2) - 1
    uv[:, 0] = torch.tensor([0.2, 0.97])  # the pelvis below the crop: its mean place stays at the border
    weight = heatmap_weight(uv, torch.zeros(1, 22, 16, 16))
    assert float(weight[0, 0]) == 0.0
    assert float(weight[0, 1]) > 0.0
    moved, pulled = (
        float(shift_onto_joints(true, uv, w, K, SIZE).abs().max()) for w in (weight, torch.ones_like(weight))
    )
    assert moved < 0.01 * pulled


def test_where_every_joint_is_at_the_border_the_body_stays() -> None:
    uv = torch.ones(1, 22, 2)
    shift = shift_onto_joints(points(2), uv, heatmap_weight(uv, torch.zeros(1, 22, 8, 8)), K, SIZE)
    assert float(shift.abs().max()) == 0.0
