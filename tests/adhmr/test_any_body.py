"""A body of the user's own in every command: taken, stored with what is trained on it, and any other refused by name."""

import pytest
import torch
from body_file import write_smpl_file

from adhmr.cli import main
from adhmr.world.domains import DOMAINS
from adhmr.world.make import make_samples
from diffusion_hmr import Generator, GeneratorConfig
from dpo.pairs import load_pairs
from hmr.body import has_betas_of
from hmr.files import read_json
from hmr.free_body import free_body, free_body_with_hands
from hmr.samples import Samples, load_samples, save_samples
from hmr.smplx_files import load_body
from scorer import Scorer, ScorerConfig


@pytest.fixture(scope="module")
def smpl(tmp_path_factory):
    """A folder with SMPL's file, a set of its bodies (of-smpl), one of free bodies (of-free), and networks of both."""
    folder = tmp_path_factory.mktemp("smpl")
    body = load_body(write_smpl_file(folder))
    for name, model in (("smpl", body), ("free", free_body(1200))):
        save_samples(folder / f"of-{name}", make_samples(DOMAINS["source"], 8, 64, 3, model, "p"))
        torch.manual_seed(0)
        generator = Generator(GeneratorConfig(sampling_steps=2, body=model.family))
        torch.nn.init.normal_(generator.denoiser.network.joint_out, std=0.1)
        generator.save_pretrained(folder / f"generator-{name}")
        Scorer(ScorerConfig(body=model.family)).save_pretrained(folder / f"scorer-{name}")
    return folder


FEW = {
    "train-generator": [f"--training.{s}.{n}=2" for s in ("branch", "denoiser") for n in ("steps", "batch_size")],
    "train-scorer": [f"--training.{s}.{n}=2" for s in ("branch", "ranking") for n in ("steps", "batch_size")],
    "align": ["--align.fit.steps=2", "--align.fit.batch_size=4", "--align.candidates=4"],
    "pairs": ["--candidates=6"],
    "predict": ["--candidates=2"],
    "evaluate": ["--candidates=2"],
}


def command(name: str, place, of: str) -> list[str]:
    """The command on a set and networks of the body ``of``, without --body_model."""
    data, generator = str(place / f"of-{of}"), str(place / f"generator-{of}")
    given = {
        "train-generator": ["--data", f"[{data}]"],
        "train-scorer": ["--data", f"[{data}]", "--noised", "4"],
        "pairs": ["--data", data, "--generator", generator],
        "align": ["--data", data, "--generator", generator],
        "predict": ["--data", data, "--generator", generator],
        "evaluate": ["--data", data, "--generators", f"[{generator}]", "--scorer", str(place / f"scorer-{of}")],
    }[name]
    return [name, *given, *FEW[name]]


@pytest.mark.parametrize("name", FEW)
def test_the_users_body_is_taken_and_stored_and_another_is_refused(smpl, tmp_path, capsys, name):
    model = ["--body_model", str(smpl / "SMPL_NEUTRAL.npz"), "--body_model_type", "smpl"]
    assert main([*command(name, smpl, "smpl"), *model, "--out", str(tmp_path / "o")]) == 0
    match name:
        case "train-generator" | "train-scorer" | "align":
            assert read_json(tmp_path / "o" / "config.json")["config"]["body"] == "smpl-neutral"
        case "pairs":
            assert load_pairs(tmp_path / "o").provenance["body"] == "smpl-neutral"
    capsys.readouterr()
    assert main([*command(name, smpl, "smpl"), "--out", str(tmp_path / "x")]) == 2
    error = capsys.readouterr().err
    assert "'smpl-neutral'" in error
    assert "give --body_model of that body" in error
    assert main([*command(name, smpl, "free"), *model, "--out", str(tmp_path / "x")]) == 2
    error = capsys.readouterr().err
    assert "'free-body'" in error
    assert "leave --body_model out" in error


def test_candidates_of_another_body_teach_no_scorer(smpl, tmp_path, capsys):
    predict = [
        "predict",
        "--data",
        str(smpl / "of-smpl"),
        "--generator",
        str(smpl / "generator-free"),
        "--candidates",
        "2",
    ]
    assert main([*predict, "--out", str(tmp_path / "p")]) == 0
    more = ["--noised", "2", "--candidates", f"[{tmp_path / 'p' / 'candidates.npz'}]", "--body_model", str(smpl)]
    assert main([*command("train-scorer", smpl, "smpl"), *more, "--out", str(tmp_path / "x")]) == 2
    assert "candidates are of the body 'free-body'" in capsys.readouterr().err


def test_a_scorer_of_another_body_may_judge_and_that_is_told(smpl, tmp_path, capsys):
    scorer = ["--scorer", str(smpl / "scorer-free"), "--diversity", "0", "--body_model", str(smpl)]
    assert main([*command("pairs", smpl, "smpl"), *scorer, "--out", str(tmp_path / "o")]) == 0
    assert "the scorer was trained on the body 'free-body'" in " ".join(capsys.readouterr().out.split())


def test_regressors_with_hands_are_of_smplx(tmp_path, capsys):
    regressor = ["train-regressor", "--data", "[d]", "--out", str(tmp_path / "o")]
    assert main([*regressor, "--body_model", "SMPL.npz", "--body_model_type", "smpl"]) == 2
    assert "give smplx, or auto" in capsys.readouterr().err


def test_sets_remember_their_body(tmp_path, small_world):
    samples = small_world["source"]
    assert samples.body == "free-body"
    assert samples[3:5].with_smplx_joints().body == "free-body"
    save_samples(tmp_path, samples)
    assert load_samples(tmp_path).body == "free-body"
    other = Samples.of(samples.unlabelled(), samples.label, "pseudo", samples.keypoints_2d, "smpl-neutral")
    with pytest.raises(ValueError, match="'free-body' in some sets, 'smpl-neutral' in others"):
        Samples.cat([samples, other])
    unknown = Samples.of(samples.unlabelled(), samples.label, "pseudo", samples.keypoints_2d)
    assert Samples.cat([unknown, samples]).body == "free-body"
    assert has_betas_of(free_body_with_hands(2500), samples.body)
