"""The same format with fewer rows, and nothing else changed; keeping all changes no byte; twice is once."""

import json
import tarfile
import zipfile
from pathlib import Path

import label_files
import numpy as np
import pyarrow.parquet as pq
import pytest
from label_files import WRITERS, N, make

from hmr.formats.labels.open import open_labels
from hmr.untrusted.object_npz import read_object_npz

WRITTEN = [kind for kind in WRITERS if kind != "sequence"]
KEEP = np.array([True, False, True, True, False])


def same(a, b) -> bool:
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.dtype == b.dtype and np.array_equal(a, b)
    return type(a) is type(b) and a == b


@pytest.mark.parametrize("kind", WRITTEN)
def test_keeping_all_changes_no_byte(kind, tmp_path):
    path = make(kind, tmp_path)
    out = tmp_path / "out" / path.name
    open_labels(path).write(np.ones(N, dtype=bool), out)
    assert out.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("kind", WRITTEN)
def test_filtering_twice_is_filtering_once_and_the_rows_are_the_kept_ones(kind, tmp_path):
    path = make(kind, tmp_path)
    file = open_labels(path)
    rows = np.array(file.rows)
    once, twice = tmp_path / "once" / path.name, tmp_path / "twice" / path.name
    file.write(KEEP, once)
    left = open_labels(once)
    assert len(left.rows) == (
        2 if "tar" in kind else KEEP.sum()
    )  # a tar's first sample holds two people, one of them bad
    left.write(np.ones(len(left.rows), dtype=bool), twice)
    assert twice.read_bytes() == once.read_bytes()
    dropped = tmp_path / "dropped" / path.name
    file.write(~KEEP, dropped)
    if kind in ("coco", "neural_annot"):
        assert set(left.rows) | set(open_labels(dropped).rows) == set(rows)
        assert left.rows == tuple(rows[KEEP])


@pytest.mark.parametrize("kind", ["human_data", "humans_4d", "bedlam", "camera_hmr"])
def test_npz_keys_types_order_compression_and_layout_stay(kind, tmp_path):
    path = make(kind, tmp_path)
    out = tmp_path / "out.npz"
    open_labels(path).write(KEEP, out)
    before, after = read_object_npz(path), read_object_npz(out)
    assert list(before) == list(after)
    with zipfile.ZipFile(path) as a, zipfile.ZipFile(out) as b:
        assert [i.compress_type for i in a.infolist()] == [i.compress_type for i in b.infolist()]
    for name, value in before.items():
        if isinstance(value, np.ndarray) and value.shape[:1] == (N,):
            assert same(after[name], value[KEEP]), name
            assert after[name].flags.f_contiguous == value.flags.f_contiguous
    if kind == "human_data":
        assert same(after["keypoints2d_mask"], before["keypoints2d_mask"])
        assert after["__data_len__"] == KEEP.sum()
        assert after["__data_len__"].dtype == before["__data_len__"].dtype
        assert bool(after["__key_strict__"])
        assert bool(after["__keypoints_compressed__"])
        assert same(after["misc"], before["misc"])
        assert after["meta"]["gender"] == ["neutral"] * 3
        assert same(after["meta"]["focal_length"], before["meta"]["focal_length"])
        assert same(after["smpl"]["body_pose"], before["smpl"]["body_pose"][KEEP])
        assert not after["keypoints2d"].flags.c_contiguous


def test_a_mask_as_long_as_the_file_and_shared_numbers_are_not_cut(tmp_path):
    """190 people and a mask of 190; ten people and ten shared betas; two people and a focal length of two numbers."""
    for n in (190, 10, 2):
        path = tmp_path / f"{n}.npz"
        np.savez(
            path, image_path=np.array(["a.png"] * n), keypoints2d=np.zeros((n, 190, 3)), keypoints2d_mask=np.ones(190),
            smpl=np.array({"betas": np.zeros(10), "body_pose": np.zeros((n, 23, 3))}, dtype=object),
            meta=np.array({"focal_length": np.array([1.0, 2.0])}, dtype=object),
        )  # fmt: skip
        keep = np.zeros(n, dtype=bool)
        keep[0] = True
        open_labels(path).write(keep, tmp_path / "out.npz")
        after = read_object_npz(tmp_path / "out.npz")
        assert after["keypoints2d_mask"].shape == (190,)
        assert after["keypoints2d"].shape == (1, 190, 3)
        assert after["smpl"]["betas"].shape == (10,)
        assert after["smpl"]["body_pose"].shape == (1, 23, 3)
        assert after["meta"]["focal_length"].shape == (2,)


def test_rows_of_different_lengths_are_refused_by_name(tmp_path):
    np.savez(tmp_path / "a.npz", image_path=np.array(["a"] * 3), bbox_xywh=np.zeros((2, 5)))
    with pytest.raises(ValueError, match=r"a\.npz: image_path has 3 rows, but \{'bbox_xywh': 2\}"):
        _ = open_labels(tmp_path / "a.npz").rows


def test_the_soft_filter_of_4d_humans(tmp_path):
    path = make("humans_4d", tmp_path)
    file = open_labels(path)
    file.write_soft(KEEP, tmp_path / "soft.npz")
    before, after = read_object_npz(path), read_object_npz(tmp_path / "soft.npz")
    for name, value in before.items():
        wanted = KEEP.astype(np.float32) if name in ("has_body_pose", "has_betas") else value
        assert same(after[name], wanted), name


def test_bad_hands_and_feet_of_what_stays_are_marked_as_not_given(tmp_path):
    path = make("human_data", tmp_path)
    file = open_labels(path)
    bad = [("left_hand",), (), ("right_foot",), (), ()]
    file.write_masked(KEEP, bad, tmp_path / "masked.npz")
    file.write(KEEP, tmp_path / "plain.npz")
    plain, masked = (read_object_npz(tmp_path / f"{name}.npz") for name in ("plain", "masked"))
    stored = np.flatnonzero(plain["keypoints2d_mask"])
    for name in ("keypoints2d", "keypoints3d"):
        wanted = plain[name].copy()
        wanted[0, np.isin(stored, [68, 188]), -1] = 0
        wanted[1, np.isin(stored, [11, 63]), -1] = 0
        np.testing.assert_array_equal(masked[name], wanted)
        assert (plain[name] != wanted).sum() == 4
    assert all(same(masked[k], v) for k, v in plain.items() if not k.startswith("keypoints") or k.endswith("mask"))


def test_json_and_parquet_keep_everything_else(tmp_path):
    path = make("coco", tmp_path)
    open_labels(path).write(KEEP, tmp_path / "out.json")
    before, after = json.loads(path.read_text()), json.loads((tmp_path / "out.json").read_text())
    assert {k: v for k, v in before.items() if k != "annotations"} == {
        k: v for k, v in after.items() if k != "annotations"
    }
    path = make("sam_3d_body", tmp_path)
    open_labels(path).write(KEEP, tmp_path / "out.parquet")
    before, after = pq.read_table(path), pq.read_table(tmp_path / "out.parquet")
    assert after.schema.equals(before.schema, check_metadata=True)
    assert after.equals(before.filter(KEEP))
    columns = [pq.ParquetFile(p).metadata.row_group(0).column(0) for p in (path, tmp_path / "out.parquet")]
    assert columns[0].compression == columns[1].compression == "ZSTD"


def test_members_of_a_tar_are_copied_byte_for_byte(tmp_path):
    path = make("tar", tmp_path)
    out = tmp_path / "out.tar"
    open_labels(path).write(np.array([True, True, False, True, True]), out)
    with tarfile.open(path) as a, tarfile.open(out) as b:
        kept = {m.name: (a.extractfile(m).read(), m.mtime) for m in a if "0001" not in m.name}
        assert {m.name: (b.extractfile(m).read(), m.mtime) for m in b} == kept
    assert out.stat().st_size % 10240 == 0


class _Malicious:
    def __reduce__(self):
        return (Path.touch, (Path("touched"),))


def test_a_pickle_in_a_tar_or_a_sequence_that_would_run_code_is_refused_by_name(tmp_path, monkeypatch):
    import pickle

    monkeypatch.chdir(tmp_path)
    label_files.tar(tmp_path / "evil.tar", [label_files.person(0)] * 3, _Malicious())
    with pytest.raises(ValueError, match=r"evil\.tar: 00/0000\.data\.pyd: refused"):
        _ = open_labels(tmp_path / "evil.tar").rows
    (tmp_path / "evil.pkl").write_bytes(pickle.dumps(_Malicious()))
    with pytest.raises(ValueError, match=r"evil\.pkl: refused"):
        _ = open_labels(tmp_path / "evil.pkl").rows
    assert not (tmp_path / "touched").exists()


def test_a_tar_that_is_cut_off_and_an_unknown_format_are_named(tmp_path):
    path = make("tar", tmp_path)
    (tmp_path / "cut.tar").write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ValueError, match=r"cut\.tar"):
        _ = open_labels(tmp_path / "cut.tar").rows
    np.savez(tmp_path / "strange.npz", x=np.zeros(3))
    with pytest.raises(ValueError, match=r"strange\.npz: the format is not known"):
        open_labels(tmp_path / "strange.npz")
    (tmp_path / "strange.json").write_text('{"a": 1}')
    with pytest.raises(ValueError, match=r"strange\.json: expected EFT"):
        open_labels(tmp_path / "strange.json")
    with pytest.raises(ValueError, match="read only"):
        open_labels(make("sequence", tmp_path)).write(np.ones(N, dtype=bool), tmp_path / "out.pkl")
