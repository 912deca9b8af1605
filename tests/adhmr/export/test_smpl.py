"""Parameters by smplx's convention: its own forward gives the vertices that ours does."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from body_file import write_smpl_file, write_smplx_file
from moving_people import moving

from adhmr.export.smpl import smpl_parameters, write_smpl_parameters
from hmr.body_codec import read_arrays
from hmr.free_body import free_body, free_body_with_hands
from hmr.smplx_files import load_body

smplx = pytest.importorskip("smplx")


@pytest.fixture(scope="module")
def smpl_file(tmp_path_factory):
    """The free body in SMPL's layout and number of vertices: without the licensed file it takes the same way."""
    return write_smpl_file(tmp_path_factory.mktemp("smpl"))


def forward(file, arrays: dict[str, np.ndarray]) -> np.ndarray:
    """(b, v, 3) by smplx alone."""
    from smplx.utils import Struct

    with np.load(file) as content:
        model = smplx.SMPL(str(file), data_struct=Struct(**content))
    return model(**{name: torch.from_numpy(array) for name, array in arrays.items()}).vertices.detach().numpy()


def test_smplx_puts_every_vertex_where_we_do(smpl_file):
    model = load_body(smpl_file)
    motion = moving(model)
    arrays = smpl_parameters(motion.bodies, model)
    assert {name: array.shape for name, array in arrays.items()} == {
        "global_orient": (3, 3), "body_pose": (3, 69), "betas": (3, 10), "transl": (3, 3),
    }  # fmt: skip
    ours = model.posed(motion.bodies).vertices.numpy()
    assert np.abs(forward(smpl_file, arrays) - ours).max() < 1e-5


def test_the_file_holds_what_smplx_takes(tmp_path, smpl_file):
    model = load_body(smpl_file)
    motion = moving(model, count=2, frames_per_s=25)
    write_smpl_parameters(tmp_path / "a.npz", motion, model)
    content = read_arrays(tmp_path / "a.npz")
    arrays = {name: content[name] for name in ("global_orient", "body_pose", "betas", "transl")}
    ours = model.posed(motion.bodies).vertices.numpy()
    assert np.abs(forward(smpl_file, arrays) - ours).max() < 1e-5
    np.testing.assert_allclose(content["time_s"], [0, 0.04])


def test_smplx_puts_hands_and_face_where_we_do(tmp_path, monkeypatch):
    ids = smplx.body_models.VERTEX_IDS
    monkeypatch.setitem(ids, "smplx", dict.fromkeys(ids["smplx"], 0))  # its own are of another topology
    theirs = smplx.SMPLX(str(write_smplx_file(tmp_path)), use_pca=False, flat_hand_mean=True, batch_size=3)
    model = replace(free_body_with_hands(), name="smplx-neutral")
    bodies = moving(model).bodies
    arrays = {name: torch.from_numpy(array) for name, array in smpl_parameters(bodies, model).items()}
    vertices = theirs(**arrays).vertices.detach()
    assert float((vertices - model.posed(bodies).vertices).abs().max()) < 1e-5


def test_smplh_is_told_nothing_of_a_face(smpl_file):
    model = replace(load_body(smpl_file), name="smplh-neutral")
    arrays = smpl_parameters(moving(model).bodies, model)
    assert set(arrays) == {
        "global_orient", "body_pose", "betas", "transl", "left_hand_pose", "right_hand_pose",
    }  # fmt: skip
    assert arrays["body_pose"].shape == (3, 63)


def test_betas_of_another_body_are_not_passed_off_as_smpls():
    with pytest.raises(ValueError, match="the bodies are of 'free-body-1200'"):
        smpl_parameters(moving(free_body()).bodies, free_body())
