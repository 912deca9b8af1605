"""Pictures to bodies with the released networks' sizes and rules."""

import torch

from diffusion_hmr.released.generator import ReleasedGenerator, ReleasedGeneratorConfig, extent_of_bones
from hmr.free_body import free_body
from hmr.pose_state import crop_extent, state_from_body


def test_the_depth_follows_from_the_bones(small_world):
    body, samples = free_body(1200), small_world["source"]
    state = state_from_body(samples.label, body, samples.K, samples.size)
    extent = extent_of_bones(state.uvd, body.rest_keypoints(samples.label.shape))
    true = crop_extent(samples.label.t_cam_root, samples.K, samples.size)
    assert float((extent / true - 1).abs().max()) < 0.06


def test_a_picture_gives_bodies_and_the_weights_survive_their_files(tmp_path):
    from adhmr.world.domains import DOMAINS
    from adhmr.world.make import make_samples

    torch.manual_seed(0)
    body = free_body(1200)
    samples = make_samples(DOMAINS["source"], 1, 256, 0, body, "big")
    generator = ReleasedGenerator(ReleasedGeneratorConfig(body=body.family))
    first = generator.propose(samples, body, 2, 0, "released")
    assert first.params.batch_shape == (1, 2)
    assert torch.isfinite(first.params.t_cam_root).all()
    generator.save_pretrained(tmp_path)
    again = ReleasedGenerator.from_pretrained(tmp_path).propose(samples, body, 2, 0, "released")
    assert torch.equal(first.params.R_parent_joint, again.params.R_parent_joint)
