"""What a detector would say of people whose points are known."""

import torch

from hmr.keypoint_sets import PROMPT_POINTS
from hmr.training.batch_random import BatchRandom
from hmr.training.config import DetectorNoise
from hmr.training.detector_noise import detected

N, K = 6000, len(PROMPT_POINTS)
QUIET = DetectorNoise(
    sigma=(1e-6, 1e-6), human=0, hidden_missing=0, gross=0, swapped=0, pair_swapped=0, missing=0, withheld=0, nothing=0
)


def marks(noise, inside=None, seed=0):
    random = BatchRandom(seed, torch.device("cpu"))
    uv = torch.rand(N, K, 2, generator=torch.Generator().manual_seed(1)) * 2 - 1
    inside = torch.ones(N, K, dtype=torch.bool) if inside is None else inside
    return uv, detected(uv, inside, noise, random)


def test_without_noise_marks_are_where_points_are_and_some_sets_lack_some():
    uv, found = marks(QUIET)
    there = found[..., 2] > 0
    torch.testing.assert_close(found[there][:, :2], uv[there], atol=1e-3, rtol=0)
    share = there.float().mean(0)
    assert share[PROMPT_POINTS.place["left_elbow"]] > 0.99  # in every set
    assert 0.25 < share[PROMPT_POINTS.place["head_top"]] < 0.35  # in LSP's and in ours
    assert not found[~there].any()  # unknown is zero, not where it was


def test_confidence_tells_how_far_a_mark_is_off():
    uv, found = marks(DetectorNoise(human=0, gross=0, swapped=0, pair_swapped=0))
    there = found[..., 2] > 0
    off, confidence = (found[..., :2] - uv).norm(dim=-1)[there], found[..., 2][there]
    sure, unsure = off[confidence > 0.8].median(), off[confidence < 0.4].median()
    assert unsure > 3 * sure


def test_what_is_outside_is_hardly_ever_marked_and_swapped_sides_are_whole():
    inside = torch.ones(N, K, dtype=torch.bool)
    inside[:, 9] = False
    _, found = marks(QUIET, inside)
    assert (found[:, 9, 2] > 0).float().mean() < 0.15
    uv, found = marks(DetectorNoise(**{**vars(QUIET), "swapped": 1.0}))
    there = found[:, 5, 2] > 0
    torch.testing.assert_close(found[there, 5, :2], uv[there, 6], atol=1e-3, rtol=0)


def test_of_some_nothing_is_marked():
    _, found = marks(DetectorNoise(nothing=0.5))
    assert 0.45 < (found[..., 2] == 0).all(1).float().mean() < 0.56
