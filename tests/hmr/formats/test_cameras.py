"""What a scorer is told of a label's camera is the label's own, and betas of another model's space are not believed."""

import numpy as np
import pytest
import torch
from body_file import write_smpl_file
from label_files import H, N, W, bedlam, human_data, person
from PIL import Image

from data_cleaning.decode import decode_people, picture_source
from data_cleaning.units import opened, units_of
from hmr.camera import bearing
from hmr.formats.labels.label_file import ParameterModel
from hmr.formats.smpl_parameters import keypoints_of_parameters, stand_in
from hmr.photographs.folder import Photographs
from hmr.smplx_files import load_body

FOCAL = 800.0  # twice the diagonal of the picture


def decoded(path, body=None):
    unit = units_of(path, 1000, None)[0][0]
    file, rows = opened(path, None)
    model = ParameterModel(stand_in(), False) if body is None else ParameterModel(body, True)
    return decode_people(unit, file, rows, picture_source(unit, file, path.parent / "images"), model, 64)


@pytest.fixture
def images(tmp_path):
    (tmp_path / "images").mkdir()
    Image.new("RGB", (W, H), "gray").save(tmp_path / "images" / "street.png")
    return tmp_path


def test_a_label_with_a_long_lens_is_judged_under_it(images):
    """A BEDLAM-like label; its focal length is twice the picture's diagonal, so its crop is half as wide in radians."""
    path = images / "labels.npz"
    bedlam(path, [person(i) for i in range(N)])
    with np.load(path) as file:
        arrays = {key: file[key] for key in file.files}
    long_lens = arrays["cam_int"].copy()
    long_lens[:, [0, 1], [0, 1]] = FOCAL
    np.savez(path, **{**arrays, "cam_int": long_lens})
    found = decoded(path)
    assert found.views is not None
    assert found.views.camera.K[:, 0, 0].tolist() == pytest.approx([FOCAL] * N)
    crop_px = 64 / found.views.A_view_picture[:, 0, 0]
    width_rad = bearing(found.views.K, 64)[:, 2]
    torch.testing.assert_close(width_rad, crop_px / FOCAL)


def test_betas_of_another_space_are_not_put_into_the_free_bodys(images):
    at = {"global_orient": np.array([np.pi, 0, 0]), "body_pose": np.zeros(69), "transl": np.array([0, 0, 4.0])}
    tall, plain = (
        keypoints_of_parameters(at["global_orient"], at["body_pose"], betas, at["transl"], stand_in())
        for betas in (np.eye(10)[0] * 3, np.zeros(10))
    )
    torch.testing.assert_close(tall, plain)
    own = load_body(write_smpl_file(images))
    tall, plain = (
        keypoints_of_parameters(at["global_orient"], at["body_pose"], betas, at["transl"], own)
        for betas in (np.eye(10)[0] * 3, np.zeros(10))
    )
    assert float((tall - plain).abs().max()) > 0.05
    with pytest.raises(ValueError, match="betas are not finite"):
        keypoints_of_parameters(at["global_orient"], at["body_pose"], np.full(10, np.nan), at["transl"], stand_in())


@pytest.mark.parametrize("shape", [(10,), (1, 10)])
def test_betas_for_all_rows_are_for_all_rows(images, shape):
    path = images / "labels.npz"
    people = [person(i) for i in range(N)]
    for p in people:
        p["betas"] = people[0]["betas"]
    human_data(path, people)
    body = load_body(write_smpl_file(images))
    each = decoded(path, body).uvd
    content = dict(np.load(path, allow_pickle=True))
    smpl = content["smpl"].item()
    content["smpl"] = np.array({**smpl, "betas": np.asarray(people[0]["betas"]).reshape(shape)}, dtype=object)
    np.savez(path, **content)
    torch.testing.assert_close(decoded(path, body).uvd, each)


def test_photographs_are_found_as_everywhere(images):
    assert Photographs(images / "images").named("../demo/images/street.png") == "street.png"
