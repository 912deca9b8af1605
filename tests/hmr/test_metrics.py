import pytest
import roma
import torch

from hmr.metrics import (
    energy_score_mm,
    medoid_distance_mm,
    pairwise_distance_mm,
    point_error_mm,
    similarity_aligned,
    spread_mm,
)


def test_a_similarity_is_undone_and_a_reflection_is_not():
    g = torch.Generator().manual_seed(0)
    points = torch.randn(4, 30, 3, generator=g)
    R = roma.rotvec_to_rotmat(torch.randn(4, 3, generator=g))
    moved = 1.7 * points @ R.transpose(-1, -2) + torch.randn(4, 1, 3, generator=g)
    assert point_error_mm(similarity_aligned(moved, points), points).max() < 0.01
    mirrored = points * torch.tensor([-1.0, 1.0, 1.0])
    assert point_error_mm(similarity_aligned(mirrored, points), points).min() > 300


def test_samples_on_a_line_by_hand():
    # Samples at 0, 100 and 300 mm, truth at 100 mm; each "body" is one vertex.
    vertices = torch.tensor([0.0, 0.1, 0.3])[:, None, None] * torch.tensor([1.0, 0.0, 0.0])
    pairwise = pairwise_distance_mm(vertices)
    assert torch.allclose(pairwise, torch.tensor([[0.0, 100, 300], [100, 0, 200], [300, 200, 0]]), atol=1e-3)
    assert float(spread_mm(pairwise)) == pytest.approx(200, abs=1e-3)
    assert torch.allclose(medoid_distance_mm(pairwise), torch.tensor([200.0, 150, 250]), atol=1e-3)
    errors = torch.tensor([100.0, 0.0, 200.0])
    assert float(energy_score_mm(errors, pairwise)) == pytest.approx(100 - 100, abs=1e-3)


def test_contraction_lowers_the_mean_error_but_not_the_energy_score():
    g = torch.Generator().manual_seed(1)
    n, trials = 50, 200
    truth, samples = torch.randn(trials, 1, 1, generator=g), torch.randn(trials, n, 1, generator=g)

    def scores(s):
        error = (s - truth).abs().squeeze(-1)
        pairwise = (s - s.transpose(1, 2)).abs()
        return error.mean(), energy_score_mm(error, pairwise).mean()

    mean, score = scores(samples)
    contracted_mean, contracted_score = scores(0.3 * samples)
    assert contracted_mean < mean
    assert contracted_score > score


@pytest.mark.official
def test_pa_mpjpe_and_pa_pve_equal_the_released_code(official):
    fixture = official("pa_metrics.npz")
    pred, truth = (torch.from_numpy(fixture[k]).double() / 1000 for k in ("pred_17_mm", "gt_17_mm"))
    chosen = fixture["eval14"].tolist()
    pred, truth = pred - pred[:, :1], truth - truth[:, :1]
    assert torch.allclose(point_error_mm(pred, truth), torch.from_numpy(fixture["mpjpe_17"]).double(), atol=1e-2)
    ours = point_error_mm(similarity_aligned(pred[:, chosen], truth[:, chosen]), truth[:, chosen])
    assert torch.allclose(ours, torch.from_numpy(fixture["pa_mpjpe_14"]).double(), atol=1e-2)
