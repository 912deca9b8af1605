"""The demo from the package's weights: the reward first, then the loop; stopped and continued."""

import contextlib
import io
import json

import numpy as np
import pytest
from PIL import Image

from adhmr.cli import main
from adhmr.demo.packaged import metrics, stages
from adhmr.demo.packaged.config import packaged_budget
from adhmr.figures import Figure
from hmr.photographs.folder import Photographs
from hmr.photographs.keypoint_files import read_keypoints


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A tiny one that is interrupted after the photographs, and continued by the same command."""
    out = tmp_path_factory.mktemp("demo") / "run"
    arguments = ["demo", "--budget", "tiny", "--out", str(out)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stages, "make_pairs_once", lambda run: (_ for _ in ()).throw(KeyboardInterrupt))
        told = io.StringIO()
        with contextlib.redirect_stdout(told):
            assert main(arguments) == 130
    assert (out / "photographs.png").exists()
    assert "keypoints alone" in " ".join(told.getvalue().split())
    made = (out / "photographs.png").stat().st_mtime_ns
    assert main(arguments) == 0
    assert (out / "photographs.png").stat().st_mtime_ns == made
    return out


def test_bodies_come_first_as_predict_writes_them(finished):
    assert sorted(p.name for p in (finished / "photographs" / "images").iterdir()) == [
        "photograph-1.png",
        "photograph-2.png",
    ]
    for name in ("photograph-1.npz", "photograph-2.png", "photograph-2-01.glb", "predictions.csv"):
        assert (finished / "bodies" / name).exists()
    assert "photograph-2" in (finished / "photographs.html").read_text()
    with Image.open(finished / "photographs.png") as sheet:
        assert sheet.width > 3 * 256


def test_the_keypoint_file_says_of_two_people_where_they_are(finished):
    told = read_keypoints(
        finished / "photographs" / "keypoints.csv", Photographs.at(finished / "photographs" / "images")
    )
    with Image.open(finished / "photographs" / "images" / "photograph-2.png") as file:
        people, skipped = told.people_of("photograph-2.png", "p", np.asarray(file))
    assert len(people) == 2
    assert skipped == []


def test_every_figure_has_its_interval(finished):
    found = json.loads((finished / "metrics.json").read_text())
    assert set(found["generators"]) == {"base", "aligned", "random_pairs", "consensus_pairs"}
    assert set(found["change"]["aligned"]) == {"target", "source"}
    for key in ("selected_pve", "mean_sample_pve", "energy_score", "spread"):
        figure = found["generators"]["aligned"]["target"][f"{key}_mm"]
        assert figure["low"] <= figure["value"] <= figure["high"]
    assert {"precision", "precision_by_chance", "recall", "recall_by_chance"} <= set(found["cleaning"])
    assert found["verdict"].startswith("Alignment")


def test_a_seed_repeats_and_an_interruption_changes_nothing(finished, tmp_path):
    assert main(["demo", "--budget", "tiny", "--out", str(tmp_path / "again")]) == 0
    first, again = (json.loads((out / "metrics.json").read_text()) for out in (finished, tmp_path / "again"))
    for found in (first, again):
        del found["seconds"]
    assert first == again
    for name in ("photographs.png", "photographs/keypoints.csv", "bodies/photograph-2.png"):
        assert (finished / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_the_report_is_one_page_and_can_be_written_again(finished):
    page = (finished / "report.html").read_text()
    assert page.count("<img") >= 20
    assert main(["report", "--out", str(finished), "--examples", "2"]) == 0
    assert (finished / "report.html").read_text().count("<img") == page.count("<img") - 5 * 4


def test_a_finished_demo_is_not_another_one(finished, capsys):
    assert main(["demo", "--budget", "tiny", "--seed", "1", "--out", str(finished)]) == 2
    assert "another seed" in capsys.readouterr().err
    assert main(["demo", "--budget", "tiny", "--from_scratch", "--out", str(finished)]) == 2
    assert "another config" in capsys.readouterr().err


def test_the_full_budget_is_of_the_demo_that_trains(tmp_path, capsys):
    assert main(["demo", "--budget", "full", "--out", str(tmp_path / "d")]) == 2
    assert "--from_scratch" in capsys.readouterr().err
    assert not (tmp_path / "d").exists()
    with pytest.raises(ValueError, match="from_scratch"):
        packaged_budget("full")


def figure(low: float, high: float) -> Figure:
    return Figure(value=(low + high) / 2, low=low, high=high, n=3)


@pytest.mark.parametrize(
    ("ours", "control", "words"),
    [
        ((-5, -4), (-1, 0), "beyond both controls"),
        ((-5, -4), (-6, -3), "cannot be told from it"),
        ((-1, 1), (0, 1), "nothing that can be told from chance"),
        ((1, 2), (0, 1), "made it worse"),
    ],
)
def test_the_verdict_says_what_the_intervals_say(ours, control, words):
    rows = {"aligned": ours, "random_pairs": (-0.5, 0.5), "consensus_pairs": control}
    change = {name: {"target": {"energy_score_percent": figure(*ends)}} for name, ends in rows.items()}
    assert words in metrics.verdict(change)
