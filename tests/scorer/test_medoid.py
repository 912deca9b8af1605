"""The judge that needs no training."""

import pytest
import torch

from hmr.body import BodyParams
from hmr.free_body import free_body
from hmr.hypotheses import Hypotheses
from scorer.medoid import MedoidScorer, medoid_displacement_mm


def test_a_hand_worked_case():
    keypoints = torch.zeros(1, 3, 2, 3)  # of three candidates a pelvis and one more
    keypoints[0, :, 1, 0] = torch.tensor([0.0, 0.1, 0.4])
    off = medoid_displacement_mm(keypoints)
    torch.testing.assert_close(off[0, :, 1], torch.tensor([250.0, 200.0, 350.0]))
    assert not off[0, :, 0].any()
    moved = keypoints + torch.tensor([1.0, 2.0, 3.0])
    torch.testing.assert_close(medoid_displacement_mm(moved), off, atol=1e-3, rtol=0)


def test_the_middle_one_is_first_and_its_error_is_not_known(small_world):
    views, model = small_world["source"][:2], free_body(1200)
    label = views.label
    far = BodyParams(label.R_cam_root, label.R_parent_joint.flip(1), label.shape, label.t_cam_root)
    candidates = Hypotheses(views.key, BodyParams.stack([label, far, label], 1), model.family, "x", 0)
    scores = MedoidScorer(64, 1.2).score(views, candidates, model)
    assert (scores.value[:, 0] > scores.value[:, 1]).all()
    assert scores.expected_error_mm.isnan().all()
    with pytest.raises(ValueError, match="same keys"):
        MedoidScorer(64, 1.2).score(views[[1, 0]], candidates, model)
