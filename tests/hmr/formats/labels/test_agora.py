"""AGORA's tables: read without pandas, whichever pandas wrote them; harmful ones refused."""

import os
import pickle
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from hmr.camera import project
from hmr.formats.labels.open import open_labels
from hmr.formats.person_candidate import PersonCandidate, Unreadable
from hmr.photographs.folder import Photographs, pinhole
from hmr.untrusted.pandas_pickle import read_frame

pd = pytest.importorskip("pandas", reason='comes with pip install -e ".[ray]"')

FOCAL = 4000.0
NAMES = ["imgPath", "gender", "isValid", "gt_joints_2d", "gt_joints_3d", "Yaw"]


def columns() -> dict[str, list]:
    joints = np.random.default_rng(0).normal([0, 0, 8], 0.4, (2, 2, 24, 3)).astype(np.float32)
    pixels = project(torch.from_numpy(joints), pinhole(FOCAL, (1920, 1080))).numpy()
    return {
        "imgPath": ["a.png", "b.png"],
        "gender": [["male", "female"], ["male", "male"]],
        "isValid": [[True, False], [True, True]],
        "gt_joints_2d": [list(p) for p in pixels],
        "gt_joints_3d": [list(j) for j in joints],
        "Yaw": [0.5, 1.5],
    }


def write_new(path: Path) -> None:
    frame = pd.DataFrame({"Yaw": [0.5, 1.5]})
    for name, values in columns().items():
        frame[name] = pd.Series(values, dtype=object if name != "Yaw" else float)
    frame = frame[NAMES]
    frame.columns = pd.Index(np.array(NAMES, dtype=object), dtype=object)
    path.write_bytes(pickle.dumps(frame, protocol=4))


def write_old(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As pandas 1.1 laid a frame out, by classes of its names that are not pandas'."""
    made = {}
    for module, name in (("pandas.core.frame", "DataFrame"), ("pandas.core.internals.managers", "BlockManager"),
                         ("pandas.core.indexes.base", "Index")):  # fmt: skip
        stand_in = types.ModuleType(module)
        cls = type(name, (), {"__module__": module, "__qualname__": name})
        setattr(stand_in, name, cls)
        monkeypatch.setitem(sys.modules, module, stand_in)
        made[name] = cls

    def new_index(cls, data):
        raise AssertionError("only its name is pickled")

    new_index.__module__, new_index.__qualname__, new_index.__name__ = (
        "pandas.core.indexes.base",
        "_new_Index",
        "_new_Index",
    )
    sys.modules["pandas.core.indexes.base"]._new_Index = new_index  # pyright: ignore
    index = made["Index"]
    index.__reduce__ = lambda self: (new_index, (index, {"data": np.array(NAMES, dtype=object), "name": None}))
    values = np.empty((5, 2), dtype=object)
    for i, name in enumerate(NAMES[:5]):
        values[i, 0], values[i, 1] = columns()[name]
    blocks = [
        {"values": values, "mgr_locs": np.arange(5)},
        {"values": np.array([[0.5, 1.5]]), "mgr_locs": slice(5, 6, 1)},
    ]
    axes = [index(), index()]
    manager = made["BlockManager"]
    manager.__getstate__ = lambda self: (axes, [], [], {"0.14.1": {"axes": axes, "blocks": blocks}})
    frame = made["DataFrame"]()
    frame.__dict__.update({"_mgr": manager(), "_typ": "dataframe"})
    path.write_bytes(pickle.dumps(frame, protocol=4))


@pytest.fixture(params=["new", "old"])
def table(request, tmp_path, monkeypatch) -> Path:
    path = tmp_path / "validation_0.pkl"
    if request.param == "new":
        write_new(path)
    else:
        with monkeypatch.context() as patched:
            write_old(path, patched)
    (tmp_path / "images").mkdir()
    for name in ("a.png", "b.png"):
        Image.new("RGB", (1280, 720)).save(tmp_path / "images" / name)
    return path


def test_people_come_with_the_camera_that_their_joints_were_projected_by(table) -> None:
    assert set(read_frame(table)) == set(NAMES)
    file = open_labels(table)
    assert file.format_name == "AGORA"
    assert file.rows == ("0/0", "0/1", "1/0", "1/1")
    found = list(file.bodies(0, 4, Photographs(table.parent / "images"), None))  # pyright: ignore
    assert isinstance(found[1], Unreadable)
    assert "isValid" in found[1].reason
    first = found[0]
    assert isinstance(first, PersonCandidate)
    assert abs(float(first.K[0, 0]) - FOCAL / 3) < 1
    assert int(first.known.sum()) == 22
    with pytest.raises(ValueError, match="read only"):
        file.write(np.ones(4, dtype=bool), table.parent / "out")


def test_joints_that_do_not_belong_together_are_said(tmp_path) -> None:
    (tmp_path / "images").mkdir()
    Image.new("RGB", (1280, 720)).save(tmp_path / "images" / "a.png")
    path = tmp_path / "x.pkl"
    wrong = columns()
    frame = pd.DataFrame({"imgPath": pd.Series(["a.png"], dtype=object)})
    frame["gt_joints_2d"] = pd.Series([[p + 500 for p in wrong["gt_joints_2d"][0]]], dtype=object)
    frame["gt_joints_3d"] = pd.Series([wrong["gt_joints_3d"][0]], dtype=object)
    frame.columns = pd.Index(np.array(list(frame.columns), dtype=object), dtype=object)
    path.write_bytes(pickle.dumps(frame, protocol=4))
    (found, _) = open_labels(path).bodies(0, 2, Photographs(tmp_path / "images"), None)  # pyright: ignore
    assert isinstance(found, Unreadable)
    assert "not the projections" in found.reason


class _Harmful:
    def __reduce__(self):
        return os.system, ("touch harmed",)


def test_a_harmful_table_runs_nothing(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "pandas.pkl"
    path.write_bytes(pickle.dumps({"pandas.core.frame": _Harmful()}, protocol=4))
    with pytest.raises(ValueError, match=r"posix.system|nt.system|not on the list"):
        read_frame(path)
    assert not (tmp_path / "harmed").exists()
