"""BlazePose as eyes: where it looks, and that what it sees is laid back where it is."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from adhmr.world.people import make_people
from adhmr.world.people_config import PeopleConfig
from adhmr.world.pictured_people import pictures_of
from hmr.detection.blazepose import BlazePose
from hmr.detection.eyes import Eyes, look_frames
from hmr.detection.found import Found
from hmr.detection.regions_of import region_of
from hmr.detection.twice import looked_at_twice
from hmr.detection.weights import WeightsMissing, blazepose_name, weights_file
from hmr.free_body import free_body
from hmr.keypoint_sets import BLAZEPOSE_33, COCO_17, PROMPT_POINTS, Keypoints

SIZE = 256
BODY = free_body(1200)


def upright():
    """Marks of three upright people, and their pictures."""
    people = make_people(PeopleConfig(truncated=0, any_rotation=0, tilted=0, captured=0, everyday=1), 3, 5, BODY)
    px = torch.cat([(people.uv + 1) * (SIZE / 2), people.inside[..., None].float()], -1)
    return px, pictures_of(people, SIZE, 0, BODY).float() / 255


def test_a_look_is_where_the_detectors_own_region_is():
    px, _ = upright()
    frames = look_frames(px, SIZE)
    for one, A in zip(px, frames, strict=True):
        coco = Keypoints(PROMPT_POINTS, one.numpy()).taken_to(COCO_17).px
        low, high = coco[:, :2].min(0), coco[:, :2].max(0)
        region = region_of(Found(np.concatenate([low, high]), 1.0, coco))
        middle, right = A @ torch.tensor([0.5, 0.5, 1.0]), A[:2, 0].numpy()
        np.testing.assert_allclose(middle[:2], region.centre_px, atol=1)
        side_px = np.linalg.norm(right)
        np.testing.assert_allclose(right / side_px, region.R_photo_crop[:, 0], atol=1e-3)
        assert 1.0 <= side_px / region.side_px < 1.3  # ours knows toes and heels too


def test_without_hips_and_shoulders_it_looks_at_all_of_the_view():
    px, _ = upright()
    px[:, PROMPT_POINTS.place["left_hip"], 2] = 0
    corners = look_frames(px, SIZE) @ torch.tensor([[0.0, 0, 1], [1, 1, 1]]).T
    low, high = corners[:, :2, 0], corners[:, :2, 1]
    assert (low < 0).all()
    assert (high > SIZE).all()
    torch.testing.assert_close(low + high, torch.full_like(low, SIZE))


@pytest.fixture(scope="module")
def eyes():
    try:
        return Eyes(BlazePose(weights_file(blazepose_name("full"))))
    except WeightsMissing as error:
        pytest.skip(str(error))


def test_landmarks_lie_on_the_person_whichever_way_the_picture_is_turned(eyes):
    px, pictures = upright()
    here, there = COCO_17.taken_to(PROMPT_POINTS)
    del here
    for turns in range(4):
        turned, marks = torch.rot90(pictures, turns, (2, 3)), px.clone()
        for _ in range(turns):  # a quarter, as rot90 turns: x, y go to y, size - x
            marks = torch.stack([marks[..., 1], SIZE - marks[..., 0], marks[..., 2]], -1)
        sight, agreed = looked_at_twice(eyes, turned, marks)
        off = (agreed[:, there, :2] - marks[:, there, :2]).norm(dim=-1)
        assert off.median() < 0.05 * SIZE
        # The heat of a landmark is highest where the landmark is.
        cells = sight.heat.shape[-1]
        peak = sight.heat[:, :33].flatten(2).argmax(-1)
        peak_uv = (torch.stack([peak % cells, peak // cells], -1) + 0.5) * (2 / cells) - 1
        assert (peak_uv - sight.points[..., :2]).norm(dim=-1).median() < 0.12
        middle = ((marks[:, there, :2].mean(1) / SIZE) * cells).long()
        assert (sight.heat[torch.arange(3), 33, middle[:, 1], middle[:, 0]] > 0.5).all()  # the mask


def test_a_person_of_whom_nothing_is_said_is_found_whichever_way_up(eyes):
    px, pictures = upright()
    here, there = COCO_17.taken_to(BLAZEPOSE_33)
    marks_of_coco, coco = PROMPT_POINTS.taken_to(COCO_17)
    truth = torch.zeros(3, len(COCO_17), 2)
    truth[:, coco] = px[:, marks_of_coco, :2]
    for turns in range(4):
        turned, marks = torch.rot90(pictures, turns, (2, 3)), truth.clone()
        for _ in range(turns):
            marks = torch.stack([marks[..., 1], SIZE - marks[..., 0]], -1)
        seen = (eyes.look(turned, None).points[:, there, :2] + 1) * (SIZE / 2)
        assert (seen - marks[:, here]).norm(dim=-1).median() < 0.06 * SIZE


def test_who_is_told_and_who_is_not_keep_their_places(eyes):
    px, pictures = upright()
    px[1] = 0
    together = eyes.look(pictures, px)
    for row, said in enumerate((px[:1], None, px[2:])):
        alone = eyes.look(pictures[row : row + 1], said)
        torch.testing.assert_close(together.points[row : row + 1], alone.points, atol=1e-3, rtol=1e-3)


def test_another_size_of_the_network_is_refused():
    other = SimpleNamespace(graph=SimpleNamespace(shapes={269: (1, 2, 3)}))
    with pytest.raises(ValueError, match="pose_landmark_full"):
        Eyes(other)  # pyright: ignore[reportArgumentType]
