"""Each format's labels, written for bodies whose place is known, give those bodies' keypoints in the picture back."""

import label_files
import numpy as np
import pytest
import torch
from label_files import N, make, person

from hmr.camera import default_K, project
from hmr.formats.labels.label_file import ParameterModel
from hmr.formats.labels.open import open_labels
from hmr.formats.person_candidate import BY_KEYPOINTS, BY_PARAMETERS, BY_STAND_IN, PersonCandidate, Unreadable
from hmr.free_body import free_body
from hmr.photographs.folder import Photographs

MINE, STAND_IN = ParameterModel(free_body(6900), True), ParameterModel(free_body(6900), False)
PARAMETERS = ["human_data", "humans_4d", "bedlam", "camera_hmr", "eft", "neural_annot", "tar", "sequence"]
OWN_FOCAL = ["human_data", "humans_4d", "tar"]  # not the one that the pixels were made with
KEYPOINTS = ["human_data", "humans_4d", "sam_3d_body", "tar", "sam_3d_body_tar", "sequence"]


def bodies(kind, folder, model):
    path = make(kind, folder)
    file = open_labels(path, folder / "coco.json")
    source = file.pictures if "tar" in kind else Photographs(folder / "images")
    return list(file.bodies(0, N, source, model))


def pixels_and_depths(found: PersonCandidate):
    seen = found.points_cam[found.known]
    return project(seen, found.K), seen[:, 2] - found.points_cam[0, 2]


def expected(row: int, known: torch.Tensor):
    points = torch.from_numpy(person(row)["points"])
    return project(points, default_K(label_files.W, label_files.H))[known], (points[:, 2] - points[0, 2])[known]


@pytest.mark.parametrize("kind", PARAMETERS)
def test_parameters(kind, tmp_path):
    for row, found in enumerate(bodies(kind, tmp_path, MINE)):
        assert isinstance(found, PersonCandidate), found
        assert found.by == BY_PARAMETERS
        if kind in OWN_FOCAL or (kind == "sequence" and row > 0):  # a sequence is of one person, so of one shape
            continue
        pixels, depths = pixels_and_depths(found)
        wanted_pixels, wanted_depths = expected(row, found.known)
        torch.testing.assert_close(depths, wanted_depths, atol=2e-3, rtol=0)
        torch.testing.assert_close(pixels, wanted_pixels, atol=0.5, rtol=0)


@pytest.mark.parametrize("kind", KEYPOINTS)
def test_keypoints_of_the_file_need_no_model(kind, tmp_path):
    for row, found in enumerate(bodies(kind, tmp_path, STAND_IN)):
        assert isinstance(found, PersonCandidate), found
        assert found.by == BY_KEYPOINTS
        pixels, depths = pixels_and_depths(found)
        wanted_pixels, wanted_depths = expected(row, found.known)
        middle = not bool((wanted_depths[0] - depths[0]).abs() < 1e-3)  # a pelvis put between the hips
        torch.testing.assert_close(pixels[1:], wanted_pixels[1:], atol=0.02, rtol=0)
        shift = (wanted_depths - depths)[1:].mean() if middle or "sam_3d_body" in kind else 0.0
        torch.testing.assert_close(depths[1:] + shift, wanted_depths[1:], atol=2e-3, rtol=0)


def test_parameters_on_the_free_body_say_so(tmp_path):
    assert {found.by for found in bodies("bedlam", tmp_path, STAND_IN)} == {BY_STAND_IN}


def test_what_cannot_be_judged_says_why(tmp_path):
    with pytest.raises(ValueError, match="2D keypoints and no bodies"):
        bodies("coco", tmp_path, MINE)
    path = make("humans_4d", tmp_path)
    content = dict(np.load(path, allow_pickle=True))
    content["imgname"] = np.array(["nowhere.png"] + ["street.png"] * (N - 1))
    content["body_pose"][1] = np.nan
    content["body_keypoints_2d"][2], content["extra_keypoints_2d"][2] = 0, 0
    np.savez(path, **content)
    found = list(open_labels(path).bodies(0, N, Photographs(tmp_path / "images"), MINE))
    assert [type(f) for f in found[:4]] == [Unreadable, Unreadable, Unreadable, PersonCandidate]
    assert "no photograph 'nowhere.png'" in found[0].reason
    assert "not finite" in found[1].reason
    assert "three are needed" in found[2].reason
    assert "row 1" in found[1].where
