"""`adhmr repair` of other people's files: the same format comes out, a stopped run goes on, mistakes are one line."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from body_file import write_smpl_file
from label_files import N, make
from second_best import SecondBest

from adhmr.cli import main
from hmr.free_body import free_body
from hmr.smplx_files import load_body


@pytest.fixture(scope="module")
def body(tmp_path_factory):
    return write_smpl_file(tmp_path_factory.mktemp("smpl"))


def arguments(path, scorer, out, *more):
    given = ["--data", str(path), "--images", str(path.parent / "images"), "--scorer", str(scorer), "--out", str(out)]
    return ["repair", *given, "--fit.steps", "5", "--rows_per_unit", "2", *more]


def of(body):
    return ["--body_model", str(body), "--body_model_type", "smpl"]


def test_the_body_of_these_tests_is_the_free_body(body):
    np.testing.assert_allclose(load_body(body).joint_template, free_body(6900).joint_template, atol=1e-5)


def test_the_same_file_comes_out_also_when_the_run_was_stopped(tmp_path, scorer, body, capsys, monkeypatch):
    from adhmr import repairing

    monkeypatch.setattr(repairing, "load_scorer", lambda folder: SecondBest())  # so that every label changes
    path = make("human_data", tmp_path)
    assert main(arguments(path, scorer, tmp_path / "whole", *of(body))) == 0
    assert f"{N} of {N} labels changed, 0 could not be repaired" in " ".join(capsys.readouterr().out.split())
    with (tmp_path / "whole" / "repaired.csv").open(newline="") as stream:
        assert [row["key"] for row in csv.DictReader(stream)] == [f"labels.npz#{i}" for i in range(N)]
    # Stopped after two of three units: what they wrote lies in `refined`.
    stopped = tmp_path / "stopped"
    with pytest.MonkeyPatch.context() as patch:
        write, written = repairing.write_repairs, []

        def killed(folder, unit, table, made_by):
            if len(written) == 2:
                raise KeyboardInterrupt
            written.append(unit)
            write(folder, unit, table, made_by)

        patch.setattr(repairing, "write_repairs", killed)
        assert main(arguments(path, scorer, stopped, *of(body))) == 130
    assert not (stopped / "repaired").exists()
    assert main(arguments(path, scorer, stopped, *of(body), "--fit.lr", "0.5")) == 2
    assert "was made with other options" in " ".join(capsys.readouterr().err.split())
    assert main(arguments(path, scorer, stopped, *of(body))) == 0
    a, b = ((tmp_path / name / "repaired" / "labels.npz").read_bytes() for name in ("whole", "stopped"))
    assert a == b


def test_mistakes_are_one_line(tmp_path, scorer, body, capsys):
    path = make("human_data", tmp_path)
    assert main(arguments(path, scorer, tmp_path / "out")) == 2
    assert "give --body_model" in " ".join(capsys.readouterr().err.split())
    content = dict(np.load(path, allow_pickle=True))
    content["smplx"] = content.pop("smpl")
    np.savez(path, **content)
    assert main(arguments(path, scorer, tmp_path / "out", *of(body))) == 2
    assert "its parameters are of smplx, --body_model is smpl" in " ".join(capsys.readouterr().err.split())
    assert main(arguments(make("eft", tmp_path), scorer, tmp_path / "eft", *of(body))) == 2
    assert "parameters of EFT are not written" in " ".join(capsys.readouterr().err.split())


def test_a_bad_file_among_others_is_said(tmp_path, scorer, body, capsys):
    folder = tmp_path / "labels"
    folder.mkdir()
    make("human_data", tmp_path).rename(folder / "a.npz")
    make("eft", tmp_path).rename(folder / "b.json")
    (folder / "c.npz").write_bytes(b"no zip")
    given = [
        "--data",
        str(folder),
        "--images",
        str(tmp_path / "images"),
        "--scorer",
        str(scorer),
        "--out",
        str(tmp_path / "o"),
    ]
    assert main(["repair", *given, *of(body), "--fit.steps", "2"]) == 3
    said = " ".join(capsys.readouterr().out.split())
    assert "b.json: parameters of EFT are not written" in said
    assert "c.npz: could not be read" in said
    assert sorted(p.name for p in (tmp_path / "o" / "repaired").iterdir()) == ["a.npz"]
