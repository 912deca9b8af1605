"""`adhmr align --images` in one command: held-out photographs, judges, a control, a report; stopped anywhere it goes on."""

import csv
import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from adhmr import aligning
from adhmr.cli import main
from adhmr.photograph_loop import run as loop
from adhmr.photograph_loop import sub_run
from adhmr.report import plots
from diffusion_hmr import Generator, GeneratorConfig
from dpo.align import align as align_
from hmr.networks.config import BlocksConfig, PromptBranchConfig

FEW = {"fit.steps": 4, "fit.batch_size": 4, "candidates": 4, "pictures_per_round": 4, "refresh_every": 2}
COMMAND = [
    "align", "--images", "photos", "--keypoints", "k.json", "--guards.check_every", "2",
    *(word for name, value in FEW.items() for word in (f"--align.{name}", str(value))),
]  # fmt: skip

SMALL = ["--generator", "small", "--judge", "consensus", "--examples", "1"]


def align(*more: str, out: str = "out") -> int:
    return main([*COMMAND, "--out", out, *more])


def report(place, out: str = "out") -> dict:
    return json.loads((place / out / "report.json").read_text())


def skipped(place, out: str = "out") -> dict[str, str]:
    with (place / out / "skipped.csv").open() as stream:
        return {row["what"]: row["reason"] for row in csv.DictReader(stream)}


def said(capsys) -> str:
    captured = capsys.readouterr()
    return " ".join((captured.out + captured.err).split())


def people(place, change) -> None:
    content = json.loads((place / "k.json").read_text())
    change(content)
    (place / "k.json").write_text(json.dumps(content))


def humans(place) -> list[str]:
    """What humans marked: the same people, a little elsewhere."""
    content = json.loads((place / "k.json").read_text())
    for note in content["annotations"]:
        note["keypoints"] = [v + (i % 3 < 2) for i, v in enumerate(note["keypoints"])]
    (place / "humans.json").write_text(json.dumps(content))
    return ["--human_keypoints", "humans.json"]


@pytest.fixture(autouse=True)
def always_moved(monkeypatch):
    """The weights after most steps are the best."""
    monkeypatch.setattr(sub_run.align_into, "__defaults__", (lambda seen: -seen.step,))


@pytest.fixture
def small(place, monkeypatch):
    """The folder, with a small generator that knows nothing, for what does not depend on it; and no plots."""
    torch.manual_seed(0)
    prompts = PromptBranchConfig(width=32, depth=1, channels=16, tokens=1)
    blocks = BlocksConfig(width=24, depth=1, heads=2, ffn=32)
    generator = Generator(GeneratorConfig(size=128, prompts=prompts, denoiser=blocks, sampling_steps=1))
    torch.nn.init.normal_(generator.denoiser.network.joint_out, std=0.1)
    generator.save_pretrained(place / "small")
    monkeypatch.setattr(plots, "curves", lambda *_: "")
    monkeypatch.setitem(globals(), "COMMAND", [*COMMAND, *SMALL])
    return place


def test_one_command_holds_out_judges_runs_a_control_and_reports(place, capsys):
    assert align(*humans(place)) == 0
    told = said(capsys)
    assert "to align on: 3 people of 3 photographs; held out: 1 person of 1 photograph" in told
    assert "Too few held-out people to tell" in told
    content = report(place)
    assert content["held_out"] == ["p2.png"]  # of the lowest place
    assert content["outcomes"]["aligned"]["step"] == content["outcomes"]["random"]["step"] == 4
    figures = content["figures"]
    for name in ("human/chosen/pck_10", "told/mean/distance", "scorer/chosen/expected_error", "spread"):
        assert set(figures[name]["level"]) == {"base", "aligned", "random"}
        assert set(figures[name]["change"]) == {"aligned", "random"}
    assert figures["human/chosen/distance"]["people"] == 1
    for folder in ("out", "out/controls/random"):
        Generator.from_pretrained(place / folder)
        assert (place / folder / "checkups.json").exists()
    assert not (place / "out" / "unfinished").exists()
    page = (place / "out" / "report.html").read_text()
    assert page.count("<img") >= 6
    assert "p2.png" in page
    assert align() == 2
    assert "is not empty" in said(capsys)
    assert (
        main(["predict", "photos", "--keypoints", "k.json", "--generator", "out", "--out", "p", "--export", "[npz]"])
        == 0
    )


def test_stopped_in_every_stage_it_ends_with_the_same_report(small, monkeypatch):
    more = ["--judge", "random", "--controls", "consensus", *humans(small)]
    assert align(*more, out="at-once") == 0
    trained, stops = [], iter(["in the run", "after the run", "in a control", "judging", "reporting"])

    def stop_at(where: str) -> None:
        if next(iter(left), "") == where:
            left.pop(0)
            raise KeyboardInterrupt

    left = list(stops)

    def aligning_(generator, data, pairs, config, run, watch):
        def watched(step: int) -> None:
            trained.append(step)
            if step == 3:
                stop_at("in the run" if left[:1] == ["in the run"] else "in a control")
            watch(step)

        return align_(generator, data, pairs, config, run, watched)

    def control(*arguments):
        stop_at("after the run")
        return control_(*arguments)

    def judged(folder, *rest):
        if folder.name == "aligned":
            stop_at("judging")
        return judged_(folder, *rest)

    def publish(*arguments):
        stop_at("reporting")
        publish_(*arguments)

    control_, judged_, publish_ = loop.control_inputs, loop.judged_once, loop._publish
    monkeypatch.setattr(aligning, "align", aligning_)
    monkeypatch.setattr(loop, "control_inputs", control)
    monkeypatch.setattr(loop, "judged_once", judged)
    monkeypatch.setattr(loop, "_publish", publish)
    for _ in range(5):
        assert align(*more) == 130
    assert left == []
    assert align(*more) == 0
    # Two runs of steps 0 to 3; both were stopped before the last, and had saved after the second.
    assert trained == [0, 1, 2, 3, 2, 3] * 2
    assert report(small)["figures"] == report(small, "at-once")["figures"]


def test_photographs_that_come_and_go_while_it_runs(small, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        patch.setattr(loop, "_judged", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert align() == 130
    Image.new("RGB", (128, 128)).save(small / "photos" / "p9.png")
    for gone in ("p1.png", "p2.png"):
        (small / "photos" / gone).unlink()
    capsys.readouterr()
    assert align() == 3
    told = said(capsys)
    assert "4 people of 4 photographs, as the run began with them" in told
    assert "2 of the photographs are gone since (p1.png)" in told
    assert skipped(small) == {"p9.png": "came after the run had begun"}
    assert "the photograph is gone since" in (small / "out" / "report.html").read_text()


def test_all_photographs_gone_between_two_tries(small, monkeypatch):
    more = [*humans(small), "--controls", "none"]
    with monkeypatch.context() as patch:
        patch.setattr(loop, "align_into", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert align(*more) == 130
    shutil.rmtree(small / "photos")
    assert align(*more) == 0
    assert report(small)["figures"]["human/chosen/distance"]["people"] == 1


def test_another_command_does_not_go_on_with_it(small, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        patch.setattr(loop, "_judged", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert align("--controls", "none") == 130
    capsys.readouterr()
    assert align("--align.fit.lr", "0.5") == 2
    assert "align.fit.lr was" in said(capsys)
    assert align("--held_out", "0") == 2
    assert "holds a stopped run" in said(capsys)


def test_a_generator_may_be_told_less_than_the_scorer(small, capsys, monkeypatch):
    looked: list[bool] = []

    def proposed(self, views, *rest, **more):
        looked.append(views.prompts is None)
        return propose(self, views, *rest, **more)

    propose = Generator.propose
    monkeypatch.setattr(Generator, "propose", proposed)
    assert align("--told", "nothing") == 0
    assert looked
    assert all(looked)
    assert report(small)["run"]["told"] == "the generator: nothing; the scorer: all keypoints"
    assert "told/mean/distance" in report(small)["figures"]
    whole = Generator(GeneratorConfig(size=128))
    whole.save_pretrained(small / "whole")
    assert align("--told", "fewer", "--generator", "whole", out="other") == 2
    assert "is never told keypoints" in said(capsys)


def test_two_photographs_of_one_name_and_a_person_in_two_boxes(small):
    for number, folder in enumerate("ab"):
        (small / "photos" / folder).mkdir()
        (small / "photos" / f"p{number}.png").rename(small / "photos" / folder / "x.png")

    def change(content):
        content["images"][0]["file_name"], content["images"][1]["file_name"] = "a/x.png", "b/x.png"
        note = content["annotations"][0]
        content["annotations"].append({**note, "id": 90, "bbox": [1, 1, 124, 124]})

    people(small, change)
    more = humans(small)
    content = json.loads((small / "humans.json").read_text())
    content["annotations"] = content["annotations"][:4]
    (small / "humans.json").write_text(json.dumps(content))
    assert align(*more, "--controls", "none") == 0
    assert report(small)["held_out"] == ["a/x.png"]
    assert report(small)["figures"]["told/chosen/distance"]["people"] == 2
    assert report(small)["figures"]["human/chosen/distance"]["people"] == 1


def test_of_one_photograph_nothing_is_held_out_and_that_is_said(small, capsys):
    for name in ("p0", "p1", "p3"):
        (small / "photos" / f"{name}.png").unlink()
    assert align() == 0
    assert "nobody is held out, since only one photograph has people" in said(capsys)
    assert not (small / "out" / "report.html").exists()
    Generator.from_pretrained(small / "out")


def test_bad_photographs_are_left_out_counted_and_listed(small):
    (small / "photos" / "p2.png").write_text("not a picture")
    assert align("--controls", "none") == 3
    assert set(skipped(small)) == {"p2.png"}
    assert report(small)["skipped"] == 1
    assert report(small)["held_out"] == ["p0.png"]


def test_pairs_of_held_out_people_are_left_out(small, capsys):
    assert (
        main(
            [
                "pairs",
                "--images",
                "photos",
                "--keypoints",
                "k.json",
                "--generator",
                "small",
                "--judge",
                "consensus",
                "--out",
                "pairs",
            ]
        )
        == 0
    )
    assert align("--pairs", "pairs") == 0
    assert report(small)["run"]["controls"] == "none"


def test_human_marks_of_other_photographs_are_an_error_before_anything_runs(small, capsys):
    more = humans(small)
    content = json.loads((small / "humans.json").read_text())
    content["annotations"] = [note for note in content["annotations"] if note["image_id"] != 2]
    (small / "humans.json").write_text(json.dumps(content))
    assert align(*more) == 2
    assert "says nothing of any of the 1 held-out photographs" in said(capsys)
    assert not (small / "out").exists()


def test_the_scorer_that_makes_the_pairs_is_no_held_out_judge(small, capsys):
    assert align("--judge", "scorer", "--scorer", "photo", "--held_out_scorer", "photo") == 2
    assert "is the scorer that makes the pairs" in said(capsys)
    assert not (small / "out").exists()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--held_out", "1"], "a share from 0 to below 1"),
        (["--held_out", "0", "--controls", "random"], "are about held-out photographs"),
        (["--held_out", "0", "--human_keypoints", "k.json"], "are about held-out photographs"),
        (["--validation", "photos", "--controls", "consensus"], "are about held-out photographs"),
        (["--human_keypoints", "k.json"], "are the same file"),
        (["--controls", "random", "--judge", "random"], "the run itself is on random pairs"),
        (["--controls", "random", "--pairs", "pairs"], "give --controls none"),
        (["--controls", "chance"], "controls"),
        (["--data", "d"], "one of the two"),
        (["--examples", "-1"], "0 or more"),
    ],
)
def test_what_cannot_be_meant_is_one_line(small, capsys, more, words):
    assert align(*more) == 2
    error = capsys.readouterr().err
    assert words in error
    assert len(error.strip().splitlines()) == 1
    assert not (small / "out").exists()


def test_pictures_are_not_drawn_where_the_photograph_became_another(small, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(loop, "_judged", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert align("--controls", "none") == 130
    Image.fromarray(np.zeros((64, 50, 3), np.uint8)).save(small / "photos" / "p2.png")
    assert align("--controls", "none") == 0
    assert "the photograph is gone since" in (small / "out" / "report.html").read_text()
