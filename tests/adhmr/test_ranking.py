"""`adhmr rank` on our own files and on other people's, from the command line as a user gives it."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from adhmr.cli import main
from adhmr.ranking.field import field_of_hypotheses, people_by_overlap
from hmr.formats.person_candidate import PersonCandidate
from hmr.free_body import free_body
from hmr.hypotheses import save_hypotheses
from hmr.samples import save_samples
from scorer import Scorer, ScorerConfig
from scorer.candidates import noised_truth


@pytest.fixture(scope="module")
def scorer(tmp_path_factory):
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("scorer")
    Scorer(ScorerConfig()).save_pretrained(folder)
    return str(folder)


def rows_of(path):
    with path.open() as stream:
        return list(csv.DictReader(stream))


def test_models_are_compared_on_our_own_files(tmp_path, small_world, scorer, capsys):
    samples = small_world["source"]
    save_samples(tmp_path / "data", samples)
    good, bad = noised_truth(samples, 2, 0, max_sigma=0.02), noised_truth(samples[2:], 3, 1, max_sigma=0.5)
    save_hypotheses(tmp_path / "good.npz", good, samples)
    twice = replace(bad, key=(bad.key[0], bad.key[0], *bad.key[2:]))
    save_hypotheses(tmp_path / "bad.npz", twice, samples[[2, 2, *range(4, 16)]])
    (tmp_path / "tags.csv").write_text("key,tag\n" + "".join(f"{key},crouching\n" for key in samples.key[4:8]))
    files = f"[{tmp_path / 'good.npz'},{tmp_path / 'bad.npz'}]"
    common = ["--scorer", scorer, "--tags", str(tmp_path / "tags.csv"), "--out", str(tmp_path / "out")]
    assert main(["rank", "--data", str(tmp_path / "data"), "--hypotheses", files, *common]) == 3
    rows = rows_of(tmp_path / "out" / "ranked.csv")
    assert len(rows) == 2 * 16 + 3 * 13
    assert [r["rank"] for r in rows[:2]] == ["1", "2"]
    board = rows_of(tmp_path / "out" / "leaderboard.csv")
    assert {(r["category"], r["model"]) for r in board} == {
        (c, m) for c in ("all", "crouching") for m in ("good", "bad")
    }
    unreadable = rows_of(tmp_path / "out" / "unreadable.csv")
    assert [u["reason"] for u in unreadable] == ["comes twice in this file"]
    assert Image.open(tmp_path / "out" / "sheet.png").width > 100
    assert (tmp_path / "out" / "best.npz").exists()
    assert "Elo" in capsys.readouterr().out


def test_other_peoples_bodies_in_photographs(tmp_path, scorer):
    rng, body = np.random.default_rng(0), free_body(6900)
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    Image.fromarray(rng.integers(0, 255, (240, 320, 3), dtype=np.uint8)).save(photographs / "street.jpg")
    upright = {"global_orient": np.array([np.pi, 0, 0]), "body_pose": np.zeros((21, 3)), "betas": np.zeros(10)}
    for model in ("ours", "theirs"):
        (tmp_path / model).mkdir()
        for person, x in ((0, -0.8), (1, 0.8)):
            transl = np.array([x, 0.1 * rng.random(), 4.0])
            np.savez(tmp_path / model / f"street_{person}.npz", **upright, transl=transl)
    np.savez(tmp_path / "theirs" / "street_2.npz", **upright, transl=np.array([90.0, 0, 4.0]))
    files = f"[{tmp_path / 'ours'},{tmp_path / 'theirs'}]"
    out = tmp_path / "out"
    common = ["--images", str(photographs), "--hypotheses", files, "--scorer", scorer]
    assert main(["rank", *common, "--out", str(out)]) == 3
    rows = rows_of(out / "ranked.csv")
    assert {(r["key"], r["model"]) for r in rows} == {(f"street-0{p}", m) for p in (0, 1) for m in ("ours", "theirs")}
    assert all(np.isfinite(float(r["score"])) for r in rows)
    assert "outside the 320 x 240 picture" in rows_of(out / "unreadable.csv")[0]["reason"]
    assert main(["rank", *common, "--strict", "true", "--out", str(tmp_path / "strict")]) == 2
    assert body.name


def test_mistakes_are_told(tmp_path, scorer, capsys):
    base = ["rank", "--scorer", scorer, "--out", str(tmp_path / "out")]
    assert main([*base, "--hypotheses", "[a.npz]"]) == 2
    assert "one of the two" in capsys.readouterr().err
    (tmp_path / "tags.csv").write_text("picture\nx\n")
    assert main([*base, "--hypotheses", "[a.npz]", "--data", "d", "--tags", str(tmp_path / "tags.csv")]) == 2
    assert "columns key and tag" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_people_are_told_apart_by_their_boxes():
    def candidate(x: float, model: str) -> PersonCandidate:
        points = torch.tensor([x, 0.0, 4.0]) + torch.rand(29, 3, generator=torch.Generator().manual_seed(0))
        K = torch.tensor([[300.0, 0, 100], [0, 300.0, 100], [0, 0, 1]])
        return PersonCandidate("a.jpg", model, model, points, torch.ones(29, dtype=torch.bool), K)

    groups = people_by_overlap([candidate(0, "a"), candidate(3, "a"), candidate(0.05, "b"), candidate(3.05, "b")])
    assert [[c.model for c in group] for group in groups] == [["a", "b"], ["a", "b"]]


def test_an_unknown_keypoint_does_not_count(small_world):
    samples, body = small_world["source"][:2], free_body(1200)
    torch.manual_seed(0)
    scorer = Scorer(ScorerConfig())
    field, _ = field_of_hypotheses(samples, {"a": noised_truth(samples, 2, 0)}, body)
    uvd = torch.stack([torch.stack([e.uvd for e in row]) for row in field.entrants])
    known = torch.ones(uvd.shape[:-1], dtype=torch.bool)
    known[:, :, 20] = False
    moved = uvd.clone()
    moved[:, :, 20] += 1.0
    a, b = scorer.score_uvd(samples, uvd, known).value, scorer.score_uvd(samples, moved, known).value
    torch.testing.assert_close(a, b)
    assert (scorer.score_uvd(samples, uvd, torch.zeros_like(known)).value == -torch.inf).all()


def test_memory_does_not_grow_with_the_candidates(small_world):
    samples, body = small_world["source"][:1], free_body(1200)
    torch.manual_seed(0)
    many = noised_truth(samples, 5000, 0)
    value = Scorer(ScorerConfig()).score(samples, many, body).value
    assert value.shape == (1, 5000)
    assert value.isfinite().all()
