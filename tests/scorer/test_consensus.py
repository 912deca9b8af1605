import pytest
import torch
from roma import random_rotmat, rotvec_to_rotmat

from hmr.body import BodyParams
from hmr.rotations import mean_rotation
from scorer.consensus import score_weights, weighted_mean_body


def bodies(b: int, n: int) -> BodyParams:
    torch.manual_seed(0)
    return BodyParams(random_rotmat((b, n)), random_rotmat((b, n, 23)), torch.randn(b, n, 10), torch.randn(b, n, 3))


def test_the_mean_of_two_turns_about_one_axis_is_the_turn_between():
    turns = rotvec_to_rotmat(torch.tensor([[0.0, 0.2, 0.0], [0.0, 0.8, 0.0]]))
    mean = mean_rotation(turns, torch.tensor([0.5, 0.5]))
    assert torch.allclose(mean, rotvec_to_rotmat(torch.tensor([0.0, 0.5, 0.0])), atol=1e-6)


def test_all_the_weight_on_one_candidate_gives_that_candidate():
    params, weight = bodies(2, 4), torch.eye(4)[[2, 1]]
    mean = weighted_mean_body(params, weight)
    for i, k in enumerate((2, 1)):
        for name in ("R_cam_root", "R_parent_joint", "shape", "t_cam_root"):
            assert torch.allclose(getattr(mean, name)[i], getattr(params, name)[i, k], atol=1e-5)


def test_weights_ignore_the_scale_and_offset_of_the_scores():
    score = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(score_weights(score), score_weights(7 * score - 3), atol=1e-5)
    assert score_weights(score).sum(1).tolist() == pytest.approx([1, 1, 1])
    assert (score_weights(score).argmax(1) == score.argmax(1)).all()
    assert score_weights(torch.ones(2, 1)).tolist() == [[1.0], [1.0]]
    assert score_weights(torch.ones(1, 4), 3.0).tolist() == [[0.25] * 4]
