"""`adhmr pairs` and `adhmr align` on photographs: one door for pictures, people cut out once, bad ones listed."""

import csv
import json
import shutil

import pytest
import torch
from PIL import Image

from adhmr import predicting
from adhmr.cli import main
from adhmr.photographs import cut
from adhmr.world.domains import DOMAINS
from adhmr.world.make import make_samples
from diffusion_hmr import Generator, GeneratorConfig
from dpo.pairs import load_pairs
from hmr.free_body import free_body
from hmr.pictures import StoredPictures
from hmr.samples import load_views, save_samples
from scorer import Scorer, ScorerConfig

PHOTOS = ["--images", "photos", "--keypoints", "k.json", "--generator", "photo"]


def few(steps: int = 2) -> list[str]:
    """Nothing held out: that is tests/adhmr/photograph_loop."""
    given = {"fit.steps": steps, "fit.batch_size": 4, "candidates": 4, "pictures_per_round": 4}
    return ["--held_out", "0", *(word for name, value in given.items() for word in (f"--align.{name}", str(value)))]


def pairs(*more: str) -> int:
    return main(["pairs", *PHOTOS, "--candidates", "6", *more])


def said(capsys) -> str:
    captured = capsys.readouterr()
    return " ".join((captured.out + captured.err).split())


def skipped(folder) -> dict[str, str]:
    with (folder / "skipped.csv").open() as stream:
        return {row["what"]: row["reason"] for row in csv.DictReader(stream)}


def crops_in(place):
    [folder] = place.glob("crops/256px-*")
    return folder


def edited(place, change) -> None:
    content = json.loads((place / "k.json").read_text())
    change(content)
    (place / "k.json").write_text(json.dumps(content))


def moved(place) -> bool:
    """Whether the aligned denoiser differs from the base, and nothing else does."""
    base, aligned = Generator.from_pretrained("photo"), Generator.from_pretrained(place / "aligned")
    same = {name: torch.equal(value, dict(aligned.named_parameters())[name]) for name, value in base.named_parameters()}
    assert all(value for name, value in same.items() if name.startswith("branch."))
    return not all(same.values())


def test_pairs_then_align_and_people_are_cut_out_once(place, capsys):
    assert pairs("--out", "pairs") == 0
    told = said(capsys)
    assert "4 people of 4 photographs, cut out:" in told
    assert "no --scorer" not in told
    made = load_pairs(place / "pairs")
    assert set(made.key) == {f"p{i}-00" for i in range(4)}
    assert made.provenance["judge"] == "scorer"  # the package's, as predict has it
    views = load_views(crops_in(place))
    assert isinstance(views.rgb, StoredPictures)
    assert views.prompts is not None
    assert bool((views.prompts.keypoints_px[..., 2] > 0).any(1).all())

    assert main(["align", *PHOTOS, "--pairs", "pairs", "--out", "aligned", *few()]) == 0
    assert "cut out before" in said(capsys)
    assert moved(place)
    assert len(list(place.glob("crops/features/*"))) == 1

    shutil.rmtree(place / "photos")
    assert pairs("--out", "other") == 2
    assert "photos: expected a photograph or a folder" in said(capsys)
    of_crops = ["pairs", "--data", str(crops_in(place)), "--generator", "aligned", "--candidates", "6"]
    assert main([*of_crops, "--out", "other"]) == 0


def test_fresh_pairs_with_adapters_validation_and_replay(place, small_world, tmp_path, capsys):
    pytest.importorskip("peft")
    save_samples(tmp_path / "replay", make_samples(DOMAINS["source"], 4, 256, 11, free_body(1200), "near"))
    more = ["--align.lora_rank", "2", "--validation", "photos", "--replay", "replay", "--align.replay_batch", "4"]
    assert main(["align", *PHOTOS, *more, "--out", "aligned", *few(3)]) == 0
    assert moved(place)
    [base, last] = json.loads((place / "aligned" / "checkups.json").read_text())
    assert (base["step"], last["step"]) == (0, 3)
    assert base["spread_mm"] > 0
    save_samples(tmp_path / "small", small_world["source"])
    capsys.readouterr()
    assert main(["align", *PHOTOS, "--replay", "small", "--out", "x", *few()]) == 2
    assert "trained on 256 px crops, the pictures are 64 px" in said(capsys)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["pairs", "--generator", "photo"], "one of the two"),
        (["pairs", *PHOTOS, "--data", "d"], "one of the two"),
        (["align", "--generator", "photo"], "one of the two"),
        (["align", *PHOTOS, "--data", "d"], "one of the two"),
        (["pairs", "--data", "d", "--boxes", "b.json", "--generator", "photo"], "--boxes is about photographs"),
        (["pairs", *PHOTOS, "--boxes", "k.json"], "--keypoints or --boxes"),
        (["pairs", "--images", "photos", "--hypotheses", "h.npz"], "--images needs --generator"),
        (["pairs", *PHOTOS, "--hypotheses", "h.npz"], "--hypotheses (candidates"),
        (["pairs", *PHOTOS, "--judge", "error"], "needs exact labels"),
        (["pairs", *PHOTOS, "--candidates", "5"], "at least 6 --candidates"),
        (["align", *PHOTOS, "--judge", "scorer"], "--judge scorer needs --scorer"),
        (["align", "--images", "photos", "--generator", "foto"], "photo"),
        (["pairs", *PHOTOS, "--focal_px", "-3"], "focal length above 0"),
    ],
)
def test_what_cannot_be_meant_is_one_line(place, capsys, arguments, words):
    assert main([*arguments, "--out", "o"]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert len(error.strip().splitlines()) == 1
    assert not (place / "o").exists()


def test_what_cannot_be_cut_out_is_listed_also_when_the_crops_were_there(place, capsys):
    (place / "photos" / "p0.png").write_text("not a picture")
    (place / "photos" / "holiday.heic").write_text("x")

    def change(content):
        notes = content["annotations"]
        notes.append({**notes[1], "id": 90})
        notes.append({**notes[1], "id": 91, "bbox": [5, 60, 118, 63]})
        notes.append({**notes[2], "id": 92, "bbox": [5, 5, 0, 118]})

    edited(place, change)
    for out in ("one", "two"):
        assert pairs("--out", out) == 3
        reasons = skipped(place / out)
        assert set(reasons) == {"holiday.heic", "p0.png", "p1.png annotation 90", "p2.png annotation 92"}
        assert "says the same" in reasons["p1.png annotation 90"]
        assert set(load_pairs(place / out).key) == {"p1-00", "p1-02", "p2-00", "p3-00"}
    assert "cut out before" in said(capsys)
    assert pairs("--out", "three", "--strict", "true") == 2
    assert main(["align", *PHOTOS, "--out", "aligned", *few()]) == 3
    assert skipped(place / "aligned") == reasons


def test_a_photograph_that_changes_or_comes_is_cut_out_anew(place, capsys):
    assert pairs("--out", "one") == 0
    Image.new("RGB", (128, 128), "gray").save(place / "photos" / "p0.png")
    assert pairs("--out", "two") == 0
    shutil.copy(place / "photos" / "p1.png", place / "photos" / "p9.png")
    capsys.readouterr()
    assert pairs("--out", "three") == 3
    assert "cut out before" not in said(capsys)
    assert skipped(place / "three") == {"p9.png": "not in k.json"}
    assert len(list(place.glob("crops/256px-*"))) == 3


def test_nobody_in_any_photograph(place, capsys):
    edited(place, lambda content: content.update(annotations=[]))
    for _ in range(2):
        assert pairs("--out", "o") == 2
        assert "nobody could be cut out of the photographs" in said(capsys)
    assert not (place / "o").exists()


def test_one_photograph_is_a_pool(place):
    one = ["--images", "photos/p2.png", *PHOTOS[2:]]
    assert main(["pairs", *one, "--candidates", "6", "--out", "pairs"]) == 0
    assert set(load_pairs(place / "pairs").key) == {"p2-00"}
    assert main(["align", *one, "--out", "aligned", *few()]) == 0
    assert moved(place)


def test_photographs_of_one_name_are_told_apart_by_their_folders(place):
    for folder in ("a", "b"):
        (place / "photos" / folder).mkdir()
        (place / "photos" / f"p{'ab'.index(folder)}.png").rename(place / "photos" / folder / "x.png")

    def change(content):
        content["images"][0]["file_name"], content["images"][1]["file_name"] = "a/x.png", "b/x.png"

    edited(place, change)
    assert pairs("--out", "pairs") == 0
    assert set(load_pairs(place / "pairs").key) == {"a/x-00", "b/x-00", "p2-00", "p3-00"}


def test_a_cut_that_was_stopped_goes_on(place, monkeypatch):
    monkeypatch.setattr(cut, "_AT_ONCE", 1)
    read, shots_of = [], predicting.shots_of

    def shots(photographs, keys, *rest):
        if len(read) == 2:
            read.append("stopped")
            raise KeyboardInterrupt
        read.extend(keys)
        return shots_of(photographs, keys, *rest)

    monkeypatch.setattr(cut, "shots_of", shots)
    assert pairs("--out", "one") == 130
    assert list(place.glob("crops/256px-*")) == []
    assert pairs("--out", "one") == 0
    assert read == ["p0.png", "p1.png", "stopped", "p2.png", "p3.png"]
    assert load_views(crops_in(place)).key == tuple(f"p{i}-00" for i in range(4))
    assert list(place.glob("crops/unfinished*")) == []


def test_a_scorer_sees_crops_of_its_own_size(place, capsys):
    Scorer(ScorerConfig(size=96, enlarge=1.5)).save_pretrained(place / "scorer")
    assert pairs("--scorer", "scorer", "--out", "one") == 2
    assert "--diversity 0" in said(capsys)
    assert pairs("--scorer", "scorer", "--diversity", "0", "--out", "two") == 0
    assert load_pairs(place / "two").provenance["judge"] == "scorer"
    [seen] = place.glob("crops/96px-*")
    views, of_scorer = load_views(crops_in(place)), load_views(seen)
    assert (of_scorer.size, of_scorer.key) == (96, views.key)
    assert torch.equal(of_scorer.camera.K, views.camera.K)
    more = ["--scorer", "scorer", "--align.diversity", "0", "--validation", "photos", "--held_out_scorer", "scorer"]
    assert main(["align", *PHOTOS, *more, "--out", "aligned", *few()]) == 0
    assert moved(place)


def test_consensus_judges_where_it_is_asked_for_and_where_the_generator_is_told_nothing(place, tmp_path, capsys):
    assert pairs("--judge", "consensus", "--out", "asked") == 0
    assert load_pairs(place / "asked").provenance["judge"] == "consensus"
    Generator(GeneratorConfig(size=128, sampling_steps=1)).save_pretrained(tmp_path / "of-pictures")
    capsys.readouterr()
    of_pictures = [*PHOTOS[:4], "--generator", "of-pictures"]
    assert main(["pairs", *of_pictures, "--candidates", "6", "--out", "unasked"]) == 0
    assert "no --scorer" in said(capsys)
    assert load_pairs(place / "unasked").provenance["judge"] == "consensus"


@pytest.mark.parametrize("command", ["align", "pairs"])
def test_a_folder_that_is_not_there_is_told_before_anything_is_loaded(place, capsys, monkeypatch, command):
    del place
    monkeypatch.setattr("hmr.networks.checkpoint.Pretrained.from_pretrained", None)
    assert main([command, "--images", "nowhere", "--generator", "photo", "--out", "x"]) == 2
    assert "nowhere: expected a photograph or a folder" in said(capsys)
