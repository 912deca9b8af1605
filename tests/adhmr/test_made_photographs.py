"""Photographs of the synthetic world, and what a detector says of the people in them."""

import numpy as np
import torch
from PIL import Image

from adhmr.told_labels import marks_in_photograph
from adhmr.world.photographs import PhotographConfig, make_photographs
from hmr.camera import Camera, project
from hmr.free_body import free_body
from hmr.photographs.csv_keypoints import write_csv_keypoints
from hmr.photographs.folder import Photographs
from hmr.photographs.keypoint_files import read_keypoints
from hmr.prompt_points import prompt_points
from hmr.training.config import DetectorNoise

BODY, CONFIG = free_body(1200), PhotographConfig(size=160)
NEARLY_EXACT = DetectorNoise(
    sigma=(1e-4, 1e-4), human=0.0, gross=0.0, swapped=0.0, pair_swapped=0.0, withheld=0.0, nothing=0.0
)


def test_the_same_seed_gives_the_same_bytes_and_everybody_is_in_the_photograph():
    a, b, other = (make_photographs(CONFIG, 2, seed, BODY) for seed in (3, 3, 4))
    for one, again, another in zip(a, b, other, strict=True):
        assert np.array_equal(one.rgb, again.rgb)
        assert not np.array_equal(one.rgb, another.rgb)
    assert [len(one.people.shape) for one in a] == [1, 2]
    for one in a:
        px = project(BODY.posed(one.people).vertices, CONFIG.K)
        assert float(px.min()) > 0
        assert float(px.max()) < CONFIG.size


def test_a_detector_marks_people_where_they_are_and_the_table_says_so(tmp_path):
    photograph = make_photographs(CONFIG, 2, 3, BODY)[1]
    camera = Camera.of_squares(CONFIG.K, CONFIG.size)
    marks = marks_in_photograph(photograph.people, camera, BODY, NEARLY_EXACT, 0)
    true = project(prompt_points(photograph.people, BODY), CONFIG.K).numpy()
    for said, points in zip(marks, true, strict=True):
        there = said.px[:, 2] > 0
        assert np.median(np.linalg.norm(said.px[there, :2] - points[there], axis=1)) < 0.04 * CONFIG.size
    Image.fromarray(photograph.rgb).save(tmp_path / "a.png")
    write_csv_keypoints(tmp_path / "k.csv", {"a.png": marks})
    told = read_keypoints(tmp_path / "k.csv", Photographs.at(tmp_path))
    people, skipped = told.people_of("a.png", "a", photograph.rgb)
    assert skipped == []
    for person, said in zip(people, marks, strict=True):
        assert person.keypoints is not None
        np.testing.assert_allclose(person.keypoints.px, torch.tensor(said.px), atol=0.051)
