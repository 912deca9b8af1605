"""Labels told to a generator that is told keypoints: what a detector would mark of them."""

import torch

from adhmr.told_labels import told, with_marks
from diffusion_hmr import Generator, GeneratorConfig
from hmr.camera import project
from hmr.free_body import free_body
from hmr.networks.config import PromptBranchConfig
from hmr.prompt_points import prompt_points
from hmr.training.config import DetectorNoise

BODY = free_body(1200)


def test_marks_lie_about_the_labels_points_and_follow_from_the_seed(small_world):
    samples = small_world["source"]
    marked = with_marks(samples, BODY, DetectorNoise(), 0)
    assert torch.equal(marked.prompts.keypoints_px, with_marks(samples, BODY, DetectorNoise(), 0).prompts.keypoints_px)
    assert not torch.equal(
        marked.prompts.keypoints_px, with_marks(samples, BODY, DetectorNoise(), 1).prompts.keypoints_px
    )
    px, sure = marked.prompts.keypoints_px[..., :2], marked.prompts.keypoints_px[..., 2]
    off = (px - project(prompt_points(samples.label, BODY), samples.K)).norm(dim=-1)[sure > 0]
    assert 0.2 < float(off.median()) < 3  # of 64 px
    assert 0.3 < float((sure > 0).float().mean()) < 1
    assert not px[sure == 0].any()


def test_only_who_is_told_keypoints_is_told_and_what_was_said_stays(small_world):
    samples = small_world["source"]
    prompted = Generator(GeneratorConfig(prompts=PromptBranchConfig(width=32, depth=1, channels=16)))
    assert told(samples, Generator(GeneratorConfig()), BODY, 0) is samples
    marked = told(samples, prompted, BODY, 0)
    assert marked.prompts is not None
    assert told(marked, prompted, BODY, 1) is marked
