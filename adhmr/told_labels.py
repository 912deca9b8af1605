"""What a detector would mark of bodies that are known: for labels told to a generator that is told keypoints."""

from __future__ import annotations

from dataclasses import replace

import torch

from adhmr.world.people import annotated_points
from diffusion_hmr import Generator
from hmr.body import BodyParams
from hmr.camera import Camera, project, square_crop_affine
from hmr.estimator import Estimator
from hmr.keypoint_sets import PROMPT_POINTS, Keypoints
from hmr.networks.prompt_branch import in_px
from hmr.samples import Samples
from hmr.skinned_body import SkinnedBody
from hmr.training.batch_random import BatchRandom
from hmr.training.config import DetectorNoise
from hmr.training.detector_noise import detected
from hmr.views import Prompts

_CPU = torch.device("cpu")


def with_marks(samples: Samples, body: SkinnedBody, noise: DetectorNoise, seed: int) -> Samples:
    """The samples with prompts: what a detector with this noise would mark of their labels, drawn once."""
    points = annotated_points(samples.label, body, seed)
    in_picture, wh = project(points, samples.camera.K), samples.camera.size_wh[:, None]
    inside = ((in_picture >= 0) & (in_picture <= wh)).all(-1)
    uv = project(points, samples.K) * (2 / samples.size) - 1
    marks = detected(uv, inside, noise, BatchRandom(seed, _CPU))
    return replace(samples, prompts=Prompts(in_px(marks, samples.size)))


def marks_in_photograph(
    people: BodyParams, camera: Camera, body: SkinnedBody, noise: DetectorNoise, seed: int
) -> list[Keypoints]:
    """Of [p] people before one camera, in pixels of its photograph; the detector looks at a crop of each of them."""
    in_picture = project(annotated_points(people, body, seed), camera.K)
    inside = ((in_picture >= 0) & (in_picture <= camera.size_wh)).all(-1)
    # A crop two wide, so that its pixels less one are u and v.
    A = square_crop_affine(torch.cat([in_picture.amin(1), in_picture.amax(1)], -1), 2)
    uv = in_picture @ A[:, :2, :2].transpose(1, 2) + A[:, None, :2, 2] - 1
    marks = detected(uv, inside, noise, BatchRandom(seed, _CPU))
    back = torch.linalg.inv(A)
    px = (marks[..., :2] + 1) @ back[:, :2, :2].transpose(1, 2) + back[:, None, :2, 2]
    said = torch.cat([px, marks[..., 2:]], -1).numpy()
    return [Keypoints.read(PROMPT_POINTS, of_one) for of_one in said]


def told(samples: Samples, estimator: Estimator, body: SkinnedBody, seed: int) -> Samples:
    """Samples as the estimator needs them: one that is told keypoints, of pictures of which nothing is said, is told marks of the
    labels; for all others they are left as they are."""
    if not isinstance(estimator, Generator) or not estimator.is_prompted or samples.prompts is not None:
        return samples
    return with_marks(samples, body, DetectorNoise(), seed)
