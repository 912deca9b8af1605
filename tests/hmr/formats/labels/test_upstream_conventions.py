"""What the projects' own loaders do with their files, where the bare member names do not say it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from body_file import write_smpl_file
from label_files import N, make, person

from hmr.formats.labels.agora import named_in_either_size
from hmr.formats.labels.label_file import ParameterModel
from hmr.formats.labels.npz import read_member, shape_of
from hmr.formats.labels.open import open_labels
from hmr.formats.person_candidate import PersonCandidate, Unreadable
from hmr.formats.smpl_parameters import body_of_parameters, stand_in
from hmr.free_body import free_body
from hmr.photographs.folder import Photographs
from hmr.smplx_files import load_body

MINE = ParameterModel(free_body(6900), True)


def changed(path, **members):
    """The file with other members; None leaves one out."""
    content = {**dict(np.load(path, allow_pickle=True)), **members}
    np.savez(path, **{name: value for name, value in content.items() if value is not None})
    return path


def found(path, folder, model=MINE) -> list[PersonCandidate | Unreadable]:
    return list(open_labels(path).bodies(0, N, Photographs(folder / "images"), model))


@pytest.mark.parametrize(("joints", "pelvis"), [(23, (-0.0018, -0.2233, 0.0282)), (21, (0.0031, -0.3514, 0.0120))])
def test_the_free_body_stands_where_the_label_s_own_model_would(joints, pelvis):
    transl = np.array([0.1, 0.2, 3.0])
    body = body_of_parameters(np.zeros(3), np.zeros(3 * joints), np.zeros(10), transl, stand_in())
    torch.testing.assert_close(body.t_cam_root, torch.tensor(transl + np.array(pelvis)).float())
    assert torch.equal(stand_in().rest_keypoints(torch.zeros(10)), free_body(6900).rest_keypoints(torch.zeros(10)))


def test_parameters_of_smplx_are_not_put_on_smpl(tmp_path):
    model = load_body(write_smpl_file(tmp_path))
    with pytest.raises(ValueError, match="of 21 joints"):
        body_of_parameters(np.zeros(3), np.zeros(63), np.zeros(10), np.zeros(3), model)
    assert body_of_parameters(np.zeros(3), np.zeros(69), np.zeros(10), np.zeros(3), model).batch_shape == ()


def test_files_of_mmhuman3d_of_any_age_are_filtered(tmp_path):
    truncated = np.arange(N * 190).reshape(N, 190, 1) % 2
    path = changed(
        make("human_data", tmp_path), keypoints2d_convention=np.array("human_data"), __data_len__=None,
        __temporal_len__=np.array(N), keypoints2d_smplx_trunc_mask=truncated,
    )  # fmt: skip
    file, keep = open_labels(path), np.array([True, False, True, False, False])
    file.write(keep, tmp_path / "kept.npz")
    file.write_masked(keep, [("left_hand",)] * N, tmp_path / "masked.npz")
    for out in (tmp_path / "kept.npz", tmp_path / "masked.npz"):
        assert int(read_member(out, "__temporal_len__")) == 2
        assert str(read_member(out, "keypoints2d_convention")) == "human_data"
        np.testing.assert_array_equal(read_member(out, "keypoints2d_smplx_trunc_mask"), truncated[keep])
        assert shape_of(out, "keypoints2d_mask") == (190,)


def test_uncompressed_files_of_144_keypoints_are_read(tmp_path):
    path = make("human_data", tmp_path)
    full = {}
    for kind in ("keypoints2d", "keypoints3d"):
        stored, mask = read_member(path, kind), read_member(path, f"{kind}_mask")
        full[kind] = np.zeros((N, 190, stored.shape[-1]), dtype=np.float32)
        full[kind][:, np.flatnonzero(mask)] = stored
        full[kind] = full[kind][:, :144]
    changed(path, **full, keypoints2d_mask=None, keypoints3d_mask=None)
    label = found(path, tmp_path, ParameterModel(stand_in(), False))[0]
    assert isinstance(label, PersonCandidate)
    assert int(label.known.sum()) == 26  # without the head's top and the two hands, whose places are beyond 144


def test_betas_neutral_are_the_ones(tmp_path):
    path = make("human_data", tmp_path)
    smpl = read_member(path, "smpl")
    plain = found(path, tmp_path)
    changed(path, smpl={**smpl, "betas_neutral": smpl["betas"], "betas": np.full_like(smpl["betas"], 3.0)})
    for before, after in zip(plain, found(path, tmp_path), strict=True):
        assert isinstance(before, PersonCandidate)
        assert isinstance(after, PersonCandidate)
        assert torch.equal(before.points_cam, after.points_cam)
    bodies = [label.params for label in open_labels(path).labelled(0, 1, Photographs(tmp_path / "images"), MINE.model)]
    other = bodies[0].map(lambda x: x[None])
    open_labels(path).write_bodies(np.array([2]), other, MINE.model, tmp_path / "out.npz")
    written = read_member(tmp_path / "out.npz", "smpl")
    np.testing.assert_array_equal(written["betas"], np.full_like(smpl["betas"], 3.0))
    np.testing.assert_array_equal(written["betas_neutral"][2], smpl["betas"][0])


def test_names_may_be_bytes(tmp_path):
    path = changed(make("camera_hmr", tmp_path), imgname=np.array([b"street.png"] * N))
    assert all(isinstance(label, PersonCandidate) for label in found(path, tmp_path))


def test_depths_that_4d_humans_leaves_out_are_not_taken(tmp_path):
    path = make("humans_4d", tmp_path)
    deep = read_member(path, "body_keypoints_3d")
    deep[:, 1:15, :3] += 100.0
    before = found(path, tmp_path, ParameterModel(stand_in(), False))
    after = found(changed(path, body_keypoints_3d=deep), tmp_path, ParameterModel(stand_in(), False))
    for a, b in zip(before, after, strict=True):
        assert isinstance(a, PersonCandidate)
        assert isinstance(b, PersonCandidate)
        assert torch.equal(a.points_cam, b.points_cam)


def test_fits_that_are_not_valid_are_not_judged(tmp_path):
    path = make("sam_3d_body", tmp_path)
    table = pq.read_table(path)
    valid = pa.array([i != 2 for i in range(N)])
    pq.write_table(table.set_column(table.schema.get_field_index("mhr_valid"), "mhr_valid", valid), path)
    labels = found(path, tmp_path)
    assert [isinstance(label, Unreadable) for label in labels] == [False, False, True, False, False]


def test_the_hands_of_a_facing_body_are_before_it_in_sam_3d_body(tmp_path):
    """Its 3D keypoints have z to the viewer; read as they stand, what is before a body would be behind it."""
    for row, label in enumerate(found(make("sam_3d_body", tmp_path), tmp_path)):
        assert isinstance(label, PersonCandidate)
        truth = torch.from_numpy(person(row)["points"])[label.known, 2]
        seen = label.points_cam[label.known, 2]
        assert float(torch.corrcoef(torch.stack([seen, truth]))[0, 1]) > 0.95


def test_agora_s_smaller_pictures_are_found():
    class Folder:
        def named(self, name: str) -> str:
            if name != "a_1280x720.png":
                raise ValueError(f"no photograph {name!r}")
            return name

    assert named_in_either_size("a.png", Folder()) == "a_1280x720.png"  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="b_1280x720"):
        named_in_either_size("b.png", Folder())  # pyright: ignore[reportArgumentType]
