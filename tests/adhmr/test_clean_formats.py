"""Cleaning of other people's files by the command: two phases, decisions, bad rows, bad files, strictness."""

import csv

import numpy as np
import pyarrow.parquet as pq
import pytest
from label_files import N, make
from PIL import Image

from adhmr.cli import main
from hmr.formats.labels.open import open_labels


def data(folder):
    return ["--data", str(folder), "--images", str(folder.parent / "images")]


@pytest.mark.parametrize(
    "kind", ["human_data", "humans_4d", "bedlam", "camera_hmr", "eft", "sam_3d_body", "tar", "sam_3d_body_tar"]
)
def test_scored_in_one_go_or_in_two_phases_it_is_the_same(kind, tmp_path, scorer, capsys):
    path = make(kind, tmp_path)
    rule = ["--threshold", "-1000"]
    assert main(["clean", *data(path), "--scorer", str(scorer), "--out", str(tmp_path / "a"), *rule]) == 0
    assert (tmp_path / "a" / "kept" / path.name).read_bytes() == path.read_bytes()
    scores = ["--scorer", str(scorer), "--out", str(tmp_path / "scores"), "--rows_per_unit", "2"]
    assert main(["score", *data(path), *scores]) == 0
    before = {p: p.read_bytes() for p in (tmp_path / "scores").glob("*.parquet")}
    assert len(before) == 3
    sorted(before)[0].unlink()  # killed before it was written
    capsys.readouterr()
    assert main(["score", *data(path), *scores]) == 0
    assert "scored 2 labels" in " ".join(capsys.readouterr().out.split())
    assert {p: p.read_bytes() for p in (tmp_path / "scores").glob("*.parquet")} == before
    filtered = ["--scores", str(tmp_path / "scores"), "--out", str(tmp_path / "b")]
    assert main(["clean", *data(path), *filtered, "--fraction", "0.6", "--review", "true"]) == 0
    assert (tmp_path / "b" / "review.html").read_text().count("data:image/jpeg") == N
    a, b = (pq.read_table(tmp_path / name / "scores.parquet") for name in "ab")
    assert a["key"] == b["key"]
    np.testing.assert_allclose(a["score"].to_numpy(), b["score"].to_numpy(), atol=1e-4)
    kept = sum(b["keep"].to_pylist())
    assert kept == len(open_labels(tmp_path / "b" / "kept" / path.name).rows)
    assert kept == 3 or (path.suffix == ".tar" and kept < 3)  # of a tar samples go whole


def test_a_close_up_that_lies_turned_in_its_file_is_judged_upright(tmp_path, scorer):
    path = make("bedlam", tmp_path)
    arguments = [*data(path), "--scorer", str(scorer), "--threshold", "-1000"]
    assert main(["clean", *arguments, "--out", str(tmp_path / "upright")]) == 0
    street = tmp_path / "images" / "street.png"
    Image.open(street).transpose(Image.Transpose.ROTATE_90).save(street)  # a quarter turn to the left
    assert main(["clean", *arguments, "--out", str(tmp_path / "turned")]) == 0
    upright, turned = (pq.read_table(tmp_path / name / "scores.parquet") for name in ("upright", "turned"))
    np.testing.assert_array_equal(upright["score"].to_numpy(), turned["score"].to_numpy())
    assert turned["keep"].to_pylist() == [True] * N


def test_what_a_person_decided_overrules(tmp_path, scorer):
    path = make("camera_hmr", tmp_path)
    (tmp_path / "decisions.csv").write_text("key,keep\nlabels.npz#1,0\nlabels.npz#2,1\n")
    arguments = [*data(path), "--scorer", str(scorer), "--decisions", str(tmp_path / "decisions.csv")]
    assert main(["clean", *arguments, "--threshold", "-1000", "--out", str(tmp_path / "o")]) == 0
    assert pq.read_table(tmp_path / "o" / "scores.parquet")["keep"].to_pylist() == [True, False, True, True, True]
    with np.load(tmp_path / "o" / "kept" / "labels.npz") as kept, np.load(path) as before:
        np.testing.assert_array_equal(kept["shape"], np.delete(before["shape"], 1, 0))
    (tmp_path / "decisions.csv").write_text("key,keep\nnobody,0\n")
    assert main(["clean", *arguments, "--threshold", "0", "--out", str(tmp_path / "p")]) == 2


def test_bad_rows_duplicates_and_bad_files_are_listed_and_the_rest_is_cleaned(tmp_path, scorer, capsys):
    folder = tmp_path / "labels"
    folder.mkdir()
    path = make("camera_hmr", tmp_path)
    with np.load(path) as file:
        content = {name: file[name] for name in file.files}
    content["imgname"] = np.array(["nowhere.png", *["street.png"] * (N - 1)])
    content["shape"][1] = np.nan
    for name in ("pose_cam", "shape", "gtkps"):
        content[name][4] = content[name][3]
    np.savez(folder / "a.npz", **content)
    (folder / "b.npz").write_bytes(path.read_bytes()[:500])
    np.savez(folder / "c.npz", imgname=np.array(["street.png"] * 3), pose_cam=np.zeros((3, 72)), shape=np.zeros((2, 10)),
             gtkps=np.zeros((3, 24, 3)))  # fmt: skip
    (folder / "d.json").write_text('{"what": 1}')
    arguments = ["--data", str(folder), "--images", str(tmp_path / "images"), "--scorer", str(scorer)]
    assert main(["clean", *arguments, "--threshold", "-1000", "--out", str(tmp_path / "o")]) == 3
    assert "5 could not be judged" in capsys.readouterr().out
    with (tmp_path / "o" / "unreadable.csv").open(newline="") as stream:
        listed = [f"{row['file']} {row['row']} {row['reason']}" for row in csv.DictReader(stream)]
    assert len(listed) == 5
    for part, line in zip(("a.npz 0 no photograph", "a.npz 1", "b.npz", "c.npz", "d.json"), listed, strict=True):
        assert part in line
    assert "imgname has 3 rows, but {'shape': 2}" in listed[3]
    table = pq.read_table(tmp_path / "o" / "scores.parquet")
    assert table["reason"].to_pylist()[2:] == ["kept", "kept", "duplicate of a.npz#3"]
    with np.load(tmp_path / "o" / "kept" / "a.npz") as kept:
        assert len(kept["imgname"]) == 2
    strict = [*arguments, "--threshold", "-1000", "--strict", "true", "--out", str(tmp_path / "s")]
    assert main(["clean", *strict]) == 2
    assert not (tmp_path / "s" / "kept").exists()
    assert (tmp_path / "s" / "unreadable.csv").exists()


def test_careless_calls_are_told_what_to_do(tmp_path, scorer, capsys):
    path = make("camera_hmr", tmp_path)

    def error(*arguments: str) -> str:
        assert main(list(arguments)) == 2
        return capsys.readouterr().err

    out = ["--out", str(tmp_path / "o")]
    assert "give --images" in error("clean", "--data", str(path), "--scorer", str(scorer), "--threshold", "0", *out)
    assert "one of the two" in error("clean", *data(path), "--threshold", "0", *out)
    scores = ["--scores", str(tmp_path / "scores")]
    assert "has not been scored yet" in error(
        "clean", *data(path), *scores, "--threshold", "0", "--out", str(tmp_path / "p")
    )
    assert "from 0 to 1" in error(
        "score", *data(path), "--scorer", str(scorer), *out, "--task_index", "2", "--task_count", "2"
    )
    assert "at least 1" in error("score", *data(path), "--scorer", str(scorer), *out, "--rows_per_unit", "0")
    assert "no soft filter" not in error(
        "clean", *data(path), *scores, "--soft", "true", "--threshold", "0", "--out", str(tmp_path / "q")
    )
    coco = make("coco", tmp_path)
    assert "no bodies" in error(
        "clean", *data(coco), "--scorer", str(scorer), "--threshold", "0", "--out", str(tmp_path / "r")
    )


def test_jobs_of_an_array_share_the_work(tmp_path, scorer, monkeypatch):
    path = make("camera_hmr", tmp_path)
    arguments = ["score", *data(path), "--scorer", str(scorer), "--rows_per_unit", "1"]
    assert main([*arguments, "--out", str(tmp_path / "alone")]) == 0
    monkeypatch.setenv("SLURM_ARRAY_TASK_COUNT", "2")
    monkeypatch.setenv("SLURM_ARRAY_TASK_MIN", "1")
    for task, total in (("1", 3), ("2", 5)):
        monkeypatch.setenv("SLURM_ARRAY_TASK_ID", task)
        assert main([*arguments, "--out", str(tmp_path / "array")]) == 0
        assert len(list((tmp_path / "array").glob("*.parquet"))) == total
    for one in (tmp_path / "alone").glob("*.parquet"):
        assert (tmp_path / "array" / one.name).read_bytes() == one.read_bytes()


def test_labels_of_any_format_are_drawn_to_check(tmp_path):
    path = make("camera_hmr", tmp_path)
    with np.load(path) as file:
        content = {name: file[name] for name in file.files}
    content["shape"][1] = np.nan
    np.savez(path, **content)
    assert main(["check", *data(path), "--number", str(N), "--out", str(tmp_path / "drawn")]) == 0
    with (tmp_path / "drawn" / "checked.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["bad"] for row in rows] == ["", "1", "", "", ""]
    assert rows[0]["key"] == "labels.npz#0"
    assert len(list((tmp_path / "drawn").glob("*.png"))) == N - 1


@pytest.mark.parametrize("apart", [False, True], ids=["one stage, as on CPUs", "two stages, as with GPUs"])
def test_ray_writes_the_same_scores(tmp_path, scorer, monkeypatch, apart):
    pytest.importorskip("ray")
    monkeypatch.setattr("adhmr.scoring_on_ray.scores_apart", lambda device: apart)
    path = make("camera_hmr", tmp_path)
    arguments = ["score", *data(path), "--scorer", str(scorer), "--rows_per_unit", "2"]
    assert main([*arguments, "--out", str(tmp_path / "here")]) == 0
    assert main([*arguments, "--out", str(tmp_path / "ray"), "--ray_workers", "1"]) == 0
    ours, theirs = ({p.name: pq.read_table(p) for p in (tmp_path / n).glob("*.parquet")} for n in ("here", "ray"))
    assert list(ours) == list(theirs)
    for name, table in ours.items():
        assert table["key"] == theirs[name]["key"]
        np.testing.assert_allclose(
            table["score"], theirs[name]["score"], atol=1e-4
        )  # one thread adds in another order than two


def test_fewer_than_no_ray_workers_are_refused(tmp_path, scorer, capsys):
    path = make("camera_hmr", tmp_path)
    arguments = ["score", *data(path), "--scorer", str(scorer), "--out", str(tmp_path / "s"), "--ray_workers", "-3"]
    assert main(arguments) == 2
    assert "--ray_workers" in capsys.readouterr().err


def test_a_full_disk_is_said_and_nothing_is_half_written(tmp_path, scorer, capsys, monkeypatch):
    import errno

    path = make("camera_hmr", tmp_path)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pq, "write_table", full)
    assert main(["score", *data(path), "--scorer", str(scorer), "--out", str(tmp_path / "o")]) == 2
    assert "disk is full" in capsys.readouterr().err
    assert list((tmp_path / "o").iterdir()) == []


class _Malicious:
    def __reduce__(self):
        from pathlib import Path

        return (Path.touch, (Path("touched"),))


def test_a_file_with_code_in_it_is_listed_and_the_others_go_on(tmp_path, scorer, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "labels"
    folder.mkdir()
    make("camera_hmr", tmp_path).rename(folder / "good.npz")
    np.savez(folder / "evil.npz", image_path=np.array(["street.png"] * 2), smpl=np.array(_Malicious(), dtype=object))
    arguments = ["--data", str(folder), "--images", str(tmp_path / "images"), "--scorer", str(scorer)]
    assert main(["clean", *arguments, "--threshold", "-1000", "--out", str(tmp_path / "o")]) == 3
    assert not (tmp_path / "touched").exists()
    table = pq.read_table(tmp_path / "o" / "scores.parquet").to_pylist()
    assert [row["keep"] for row in table] == [False] * 2 + [True] * N
    assert all("evil.npz: refused" in row["reason"] for row in table[:2])
