"""What of a run's folder is shown, and what is said of one that cannot be."""

import json
import shutil
from dataclasses import replace

import numpy as np
from PIL import Image
from run_folder import MadeUp, make_run, predicted

from adhmr.cli import main
from adhmr.view.pack import page_data
from adhmr.view.read_run import BodyFile, Limits, open_run
from hmr.body import smplx_of


def failed(capsys, *arguments: object) -> str:
    assert main(["view", *map(str, arguments)]) == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error
    return error


def test_a_photograph_has_its_people_best_first(comparison):
    sight = comparison.sight("two people.jpg")
    assert sight.keys == ["two people-00", "two people-01"]
    for shot in sight.shots:
        assert shot.size_wh == (160, 120)
        for person in shot.people:
            assert (np.diff(person.score) <= 0).all()
            assert person.vertices_cam.shape[0] == person.joints_cam.shape[0] == 4
            assert person.joint_spread_mm.shape == (24,)
            assert person.vertices_cam[..., 2].max() < shot.depth_m


def test_the_run_that_is_nearer_the_truth_disagrees_less(comparison):
    base, aligned = (shot.people[0].joint_spread_mm for shot in comparison.sight("two people.jpg").shots)
    assert aligned.mean() < 0.6 * base.mean()


def test_runs_of_one_scorer_share_a_scale(comparison):
    sight = comparison.sight("two people.jpg")
    assert comparison.one_scale
    assert sight.ends[0] == sight.ends[1]
    low, high = sight.ends[0]["two people-00"]
    assert high == max(shot.people[0].score.max() for shot in sight.shots)
    assert low == min(shot.people[0].score.min() for shot in sight.shots)


def test_a_photograph_that_one_run_did_not_see_is_shown_of_the_other(comparison):
    name = comparison.names[1]
    first, second = comparison.sight(name).shots
    assert len(first.people) == 2
    assert second is None


def test_limits_are_said(runs):
    shot = open_run(runs / "base", None, BodyFile()).seen("two people.jpg", Limits(people=1, candidates=3))
    assert len(shot.people) == 1
    assert shot.people[0].count == 3
    assert shot.left_out == (1, 1)


def test_a_person_who_fills_the_photograph_is_found_by_its_name(tmp_path, runs):
    """There the key is the name itself; with boxes it has a number behind."""
    shutil.copytree(runs / "base", tmp_path / "run")
    table = tmp_path / "run" / "predictions.csv"
    table.write_text('"image","key"\n"two people.jpg","two people"\n')
    path = tmp_path / "run" / "two people.npz"
    with np.load(path) as file:
        content = dict(file)
    np.savez(path, **{**content, "key": np.array(["two people", "another"])})
    assert list(open_run(tmp_path / "run", None, BodyFile()).files) == ["two people.jpg"]


def test_photographs_that_moved_are_given_by_images(tmp_path, runs, capsys):
    shutil.copytree(runs / "base", tmp_path / "run")
    made = json.loads((tmp_path / "run" / "provenance.json").read_text())
    made["config"]["images"] = str(tmp_path / "gone")
    (tmp_path / "run" / "provenance.json").write_text(json.dumps(made))
    page = ["--export", tmp_path / "view.html"]
    assert "give --images" in failed(capsys, tmp_path / "run", *page)
    assert main(["view", str(tmp_path / "run"), "--images", str(runs / "images"), *map(str, page)]) == 0


def test_bodies_of_a_photograph_that_is_gone_are_shown_all_the_same(tmp_path, runs):
    (tmp_path / "images").mkdir()
    shot = open_run(runs / "base", tmp_path / "images", BodyFile()).seen("two people.jpg", Limits())
    assert shot.rgb is None
    assert shot.size_wh == (160, 120)


def test_a_smaller_copy_of_the_photograph_covers_the_same_frustum(tmp_path, runs):
    (tmp_path / "images").mkdir()
    with Image.open(runs / "images" / "two people.jpg") as image:
        image.resize((40, 30)).save(tmp_path / "images" / "two people.jpg")
    small = open_run(runs / "base", tmp_path / "images", BodyFile()).seen("two people.jpg", Limits())
    assert small.rgb.shape == (30, 40, 3)
    assert small.size_wh == (160, 120)


def test_bodies_with_hands_have_their_fingers(tmp_path, runs):
    from adhmr.export.parameters import write_parameters
    from hmr.free_body import free_body_with_hands

    shutil.copytree(runs / "aligned", tmp_path / "run")
    made = MadeUp(candidates=2)
    people = predicted(np.zeros((120, 160, 3), np.uint8), "two people", made)
    ranked = replace(people.ranked, params=smplx_of(people.ranked.params), body="free-body-with-hands")
    people = replace(people, ranked=ranked, estimate=smplx_of(people.estimate))
    write_parameters(tmp_path / "run" / "two people.npz", people, np.zeros((2, 4)), free_body_with_hands())
    shot = open_run(tmp_path / "run", None, BodyFile()).seen("two people.jpg", Limits())
    assert shot.people[0].joint_spread_mm.shape == (55,)
    assert "left_thumb3" in shot.joint_names


def test_mistakes_are_one_line(tmp_path, runs, capsys):
    page = ["--export", tmp_path / "view.html"]
    assert "there is none" in failed(capsys, tmp_path / "nothing", *page)
    (tmp_path / "empty").mkdir()
    assert "predictions.csv" in failed(capsys, tmp_path / "empty", *page)
    assert "this is a folder" in failed(capsys, runs / "base", "--export", tmp_path)
    assert "most_people" in failed(capsys, runs / "base", *page, "--most_people", 0)
    assert "run" in failed(capsys)
    other = make_run(tmp_path / "other", tmp_path / "images", ["c.jpg"], MadeUp(people=1, candidates=2))
    assert "no photograph in common" in failed(capsys, runs / "base", other, *page)
    (other / "c.npz").write_bytes((other / "c.npz").read_bytes()[:300])
    assert "truncated" in failed(capsys, other, *page)
    assert not (tmp_path / "view.html").exists()


def test_bodies_of_a_licensed_model_ask_for_its_file(tmp_path, capsys):
    run = make_run(tmp_path / "run", tmp_path / "images", ["c.jpg"], MadeUp(people=1, candidates=2))
    with np.load(run / "c.npz") as file:
        content = dict(file)
    np.savez(run / "c.npz", **{**content, "body_model": np.array("smpl")})
    assert "--body_model" in failed(capsys, run, "--export", tmp_path / "view.html")


def test_a_page_of_two_people_and_ten_candidates_is_under_three_megabytes(tmp_path):
    run = make_run(tmp_path / "run", tmp_path / "images", ["c.jpg"], MadeUp(candidates=10))
    assert main(["view", str(run), "--export", str(tmp_path / "view.html"), "--most_photographs", "1"]) == 0
    assert (tmp_path / "view.html").stat().st_size < 3e6


def test_the_same_run_gives_the_same_page_data(comparison):
    assert page_data(comparison, 1) == page_data(comparison, 1)
