from pathlib import Path

import numpy as np
import pytest

from hmr.untrusted.object_npz import read_object_npz


class _Malicious:
    def __reduce__(self):
        return (Path.touch, (Path("touched"),))


def test_arrays_and_dictionaries_come_back(tmp_path):
    inner = {"body_pose": np.arange(6.0).reshape(2, 3), "gender": "neutral"}
    np.savez(tmp_path / "a.npz", x=np.eye(3)[:, :2].T, names=np.array(["a", "b"]), d=inner, n=3)
    read = read_object_npz(tmp_path / "a.npz")
    np.testing.assert_array_equal(read["x"], np.eye(3)[:, :2].T)
    assert list(read["names"]) == ["a", "b"]
    np.testing.assert_array_equal(read["d"]["body_pose"], inner["body_pose"])
    assert read["d"]["gender"] == "neutral"
    assert read["n"] == 3


def test_fortran_order_is_kept_right(tmp_path):
    x = np.asfortranarray(np.arange(12.0).reshape(3, 4))
    np.savez(tmp_path / "a.npz", x=x)
    np.testing.assert_array_equal(read_object_npz(tmp_path / "a.npz")["x"], x)


def test_code_in_a_file_is_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez(tmp_path / "evil.npz", x=np.array(_Malicious(), dtype=object))
    with pytest.raises(ValueError, match=r"evil\.npz: refused"):
        read_object_npz(tmp_path / "evil.npz")
    assert not (tmp_path / "touched").exists()


def test_a_truncated_file_is_named(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros(1000))
    (tmp_path / "b.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:300])
    with pytest.raises(ValueError, match=r"b\.npz: could not be read"):
        read_object_npz(tmp_path / "b.npz")
