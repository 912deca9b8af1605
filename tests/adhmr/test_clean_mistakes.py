"""What would give a label another label's verdict, or stop a long run, is refused or listed."""

import csv
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
from label_files import make
from PIL import Image

from adhmr.cli import main
from adhmr.scoring import ScoringJob
from data_cleaning.side_car import is_scored
from hmr.formats.labels.open import open_labels


def arguments(path, scorer, *more):
    return ["--data", str(path), "--images", str(path.parent / "images"), "--scorer", str(scorer), *map(str, more)]


def changed(path, **changes):
    with np.load(path) as file:
        content = {name: file[name] for name in file.files}
    for name, change in changes.items():
        change(content[name])
    np.savez(path, **content)


@pytest.mark.parametrize(("first", "second"), [(2, 4), (4, 2)])
def test_units_of_another_size_are_not_mixed_up(tmp_path, scorer, capsys, first, second):
    path = make("camera_hmr", tmp_path)
    out = ["--out", tmp_path / "scores"]
    assert main(["score", *arguments(path, scorer, *out, "--rows_per_unit", first)]) == 0
    assert main(["score", *arguments(path, scorer, *out, "--rows_per_unit", second)]) == 2
    assert "--rows_per_unit" in capsys.readouterr().err


def test_scores_by_another_body_model_are_not_taken_for_these(tmp_path, scorer):
    path, out = make("camera_hmr", tmp_path), tmp_path / "scores"
    assert main(["score", *arguments(path, scorer, "--out", out)]) == 0
    job = ScoringJob(path, scorer, tmp_path / "images", None, None, "smpl", 1000, "cpu")
    unit = job.units()[0][0]
    assert is_scored(out, unit, job.made_by())
    with pytest.raises(ValueError, match="--body_model"):
        is_scored(out, unit, {**job.made_by(), "body_model": "another"})


def test_what_could_not_be_judged_is_said_again_when_nothing_is_left_to_do(tmp_path, scorer):
    path = make("camera_hmr", tmp_path)
    changed(path, shape=lambda x: x.__setitem__(1, np.nan))
    for _ in range(2):
        assert main(["score", *arguments(path, scorer, "--out", tmp_path / "scores")]) == 3


def test_a_body_at_the_lens_is_one_bad_row(tmp_path, scorer):
    path = make("bedlam", tmp_path)
    with np.load(path) as file:
        near = {name: file[name] for name in file.files}
    near["trans_cam"][2] = -near["cam_ext"][2][:3, 3] + np.array([0, 0, 0.02], dtype=np.float32)
    np.savez(path, **near)
    out = tmp_path / "o"
    assert main(["clean", *arguments(path, scorer, "--threshold", -1000, "--out", out)]) == 3
    assert pq.read_table(out / "scores.parquet")["keep"].to_pylist() == [True, True, False, True, True]


def test_files_that_hold_nothing_to_judge_do_not_stop_the_others(tmp_path, scorer, monkeypatch):
    folder = tmp_path / "labels"
    folder.mkdir()
    good, coco = make("camera_hmr", tmp_path), make("coco", tmp_path)
    shutil.move(good, folder / "c.npz")
    shutil.move(coco, folder / "a.json")
    (folder / "b.npz").write_bytes((folder / "c.npz").read_bytes()[:700])
    with np.load(folder / "c.npz") as file:
        np.savez(folder / "d.npz", **{name: file[name][:0] for name in file.files})
    monkeypatch.setenv("SLURM_ARRAY_TASK_COUNT", "2")
    for task in ("0", "1"):
        monkeypatch.setenv("SLURM_ARRAY_TASK_ID", task)
        assert main(["score", *arguments(folder, scorer, "--out", tmp_path / "scores")]) == 3
    assert len(list((tmp_path / "scores").glob("c.npz*.parquet"))) == 1
    monkeypatch.delenv("SLURM_ARRAY_TASK_COUNT")
    more = ["--data", str(folder), "--images", str(tmp_path / "images"), "--scores", str(tmp_path / "scores")]
    assert main(["clean", *more, "--threshold", "-1000", "--out", str(tmp_path / "o")]) == 3
    with (tmp_path / "o" / "unreadable.csv").open(newline="") as stream:
        listed = [row["file"] for row in csv.DictReader(stream)]
    assert [name.rpartition("/")[2] for name in listed] == ["a.json", "b.npz", "d.npz"]
    assert main(["score", *arguments(folder, scorer, "--out", folder / "scores")]) == 2  # would be labels next time


def test_photographs_of_the_same_name_are_not_mixed_up(tmp_path, scorer):
    path = make("camera_hmr", tmp_path)
    images = tmp_path / "images"
    for folder in ("one", "two"):
        (images / folder).mkdir()
        shutil.copy(images / "street.png", images / folder / "street.png")
    (images / "street.png").unlink()
    with np.load(path) as file:
        content = {name: file[name] for name in file.files}
    Image.new("RGB", (8, 8)).save(images / "crowd.png")
    content["imgname"] = np.array(["x/one/street.png", "street.png", "crowd_1.png", "two/street.jpg", "../street.png"])
    np.savez(path, **content)
    assert main(["clean", *arguments(path, scorer, "--threshold", -1000, "--out", tmp_path / "o")]) == 3
    table = pq.read_table(tmp_path / "o" / "scores.parquet")
    assert table["image"].to_pylist()[0] == "one/street.png"
    assert table["image"].to_pylist()[3] == "two/street.png"
    assert table["keep"].to_pylist() == [True, False, False, True, False]
    reasons = table["reason"].to_pylist()
    assert "2 photographs could be" in reasons[1]
    assert "no photograph 'crowd_1.png'" in reasons[2]


def test_a_mistake_is_said_on_ray_as_it_is_here(tmp_path, scorer, capsys):
    pytest.importorskip("ray")
    path = make("camera_hmr", tmp_path)
    call = ["score", "--data", str(path), "--scorer", str(scorer), "--out", str(tmp_path / "o"), "--ray_workers", "1"]
    assert main(call) == 2
    assert "give --images" in capsys.readouterr().err


def test_masks_need_to_know_how_far_off_is_off(tmp_path, scorer, capsys):
    path = make("human_data", tmp_path)
    call = ["clean", *arguments(path, scorer, "--threshold", -1000, "--mask_parts", "true", "--out", tmp_path / "o")]
    assert main(call) == 2
    assert "--max_part_mm" in capsys.readouterr().err


def test_of_a_tar_who_goes_with_another_person_is_said_to_be_dropped(tmp_path, scorer):
    path = make("tar", tmp_path)
    call = arguments(path, scorer, "--threshold", -1000, "--out", tmp_path / "all")
    assert main(["clean", *call]) == 0
    keys = pq.read_table(tmp_path / "all" / "scores.parquet")["key"].to_pylist()
    sample = next(key.rpartition("/")[0] for key in keys if key.endswith("/1"))
    (tmp_path / "decisions.csv").write_text(f"key,keep\n{sample}/1,0\n")
    more = ["--decisions", tmp_path / "decisions.csv", "--threshold", -1000, "--out", tmp_path / "o"]
    assert main(["clean", *arguments(path, scorer, *more)]) == 0
    table = pq.read_table(tmp_path / "o" / "scores.parquet").to_pylist()
    gone = {row["key"]: row["reason"] for row in table if not row["keep"]}
    assert f"{sample}/0" in gone
    assert "goes whole, with" in gone[f"{sample}/0"]
    kept = open_labels(tmp_path / "o" / "kept" / path.name)
    assert len(kept.rows) == sum(row["keep"] for row in table) == len(keys) - len(gone)


def test_a_worker_that_a_scheduler_has_numbered_writes_its_scores_too(tmp_path, scorer, monkeypatch):
    path = make("camera_hmr", tmp_path)
    monkeypatch.setenv("RANK", "3")
    assert main(["score", *arguments(path, scorer, "--out", tmp_path / "scores")]) == 0
    assert len(list((tmp_path / "scores").glob("*.parquet"))) == 1


def test_a_review_without_photographs_has_no_pictures_and_is_written(tmp_path, scorer):
    path = make("camera_hmr", tmp_path)
    assert main(["score", *arguments(path, scorer, "--out", tmp_path / "scores")]) == 0
    call = ["clean", "--data", path, "--scores", tmp_path / "scores", "--fraction", 0.6, "--review", "true", "--out"]
    assert main([*map(str, call), str(tmp_path / "o")]) == 0
    assert (tmp_path / "o" / "review.html").read_text().count("data:image/jpeg") == 0
