"""Training on labelled photographs: other people's label files, cut out once, on the user's own body."""

import numpy as np
import pytest
from body_file import write_smpl_file
from label_files import N, make
from PIL import Image

from adhmr.cli import main
from adhmr.photographs.cut import CropKind
from adhmr.photographs.labelled import labelled_folders
from adhmr.picture_options import LabelledPictureOptions
from diffusion_hmr import Generator
from diffusion_hmr.config import GeneratorConfig
from hmr.camera import project
from hmr.files import read_json
from hmr.free_body import free_body
from hmr.pictures import StoredPictures
from hmr.samples import load_samples
from hmr.smplx_files import load_body
from scorer import Scorer
from scorer.config import ScorerConfig

KIND = CropKind(64, 1.2)


@pytest.fixture(scope="module")
def smpl(tmp_path_factory):
    """SMPL's file; its betas are the free body's."""
    return write_smpl_file(tmp_path_factory.mktemp("smpl"))


@pytest.fixture(scope="module")
def body(smpl):
    return load_body(smpl)


def given(kind: str, folder, **more) -> LabelledPictureOptions:
    labels = make(kind, folder)
    return LabelledPictureOptions(labels=labels, images=folder / "images", **more)


@pytest.mark.parametrize("kind", ["humans_4d", "human_data", "camera_hmr"])
def test_labels_stand_in_their_crops_as_in_their_photographs(kind, tmp_path, body):
    told: list[str] = []
    options = given(kind, tmp_path, label_kind="mocap")
    for _ in range(2):
        made = labelled_folders(options, KIND, body, tmp_path / "out", told.append)
    assert [("cut out before" in words) for words in told] == [False, True]
    assert made.skipped == []
    [folder] = made.folders
    assert folder.parent == tmp_path / "crops"
    samples = load_samples(folder)
    assert (len(samples), samples.size, samples.body, set(samples.label_kind)) == (N, 64, "smpl-neutral", {"mocap"})
    assert isinstance(samples.rgb, StoredPictures)
    uv, seen = project(body.keypoints(samples.label), samples.K), samples.keypoints_2d
    # Hands, feet and the top of the head are points of the surface, which another body has elsewhere.
    off = ((uv - seen[..., :2]).norm(dim=-1) * seen[..., 2])[:, :22]
    assert float(off.max()) < 3  # of 64 px; 4D-Humans says another focal length than its keypoints were made with
    assert bool(((uv > 0) & (uv < 64)).all())


def test_what_cannot_be_used_is_listed_and_the_others_train(tmp_path, smpl, capsys):
    options = given("humans_4d", tmp_path)
    content = dict(np.load(options.labels, allow_pickle=True))
    content["imgname"] = np.array(["gone.png", *content["imgname"][1:]])
    np.savez(options.labels, **content)
    few = [f"--training.{s}.{n}=2" for s in ("branch", "denoiser") for n in ("steps", "batch_size")]
    train = ["train-generator", "--labels", str(options.labels), "--images", str(options.images), *few]
    assert main([*train, "--body_model", str(smpl), "--out", str(tmp_path / "g")]) == 3
    assert read_json(tmp_path / "g" / "config.json")["config"]["body"] == "smpl-neutral"
    assert "no photograph 'gone.png'" in (tmp_path / "g" / "skipped.csv").read_text()
    assert f"{N - 1} people of {N} labels" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("bedlam", "for training, parameters are read of HumanData"),
        ("eft", "for training, parameters are read of HumanData"),
        ("none", "go together"),
    ],
)
def test_labels_that_cannot_be_learnt_from_are_one_line(kind, words, tmp_path, smpl, capsys):
    if kind == "none":
        arguments = ["--labels", "x.npz"]
    else:
        options = given(kind, tmp_path)
        arguments = ["--labels", str(options.labels), "--images", str(options.images)]
    assert main(["train-generator", *arguments, "--body_model", str(smpl), "--out", str(tmp_path / "o")]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert len(error.strip().splitlines()) == 1
    assert not (tmp_path / "o").exists()


def test_the_body_of_the_parameters_must_be_given(tmp_path):
    with pytest.raises(ValueError, match="give --body_model, the file of the smpl model"):
        labelled_folders(given("humans_4d", tmp_path), KIND, free_body(1200), tmp_path / "out", print)


def test_a_scorer_learns_from_exact_labels_alone(tmp_path, smpl, capsys):
    options = given("humans_4d", tmp_path)
    arguments = ["--labels", str(options.labels), "--images", str(options.images), "--body_model", str(smpl)]
    assert main(["train-scorer", *arguments, "--out", str(tmp_path / "s")]) == 2
    assert "--label_kind mocap" in capsys.readouterr().err


def test_nobody_left(tmp_path, body):
    options = given("humans_4d", tmp_path)
    for path in options.images.rglob("*.png"):
        Image.new("RGB", (4, 4)).save(path.with_name("other.png"))
        path.unlink()
    with pytest.raises(ValueError, match="nobody could be cut out"):
        labelled_folders(options, KIND, body, tmp_path / "out", print)


def test_generators_are_evaluated_on_labelled_photographs(tmp_path, smpl, body, capsys):
    options = given("humans_4d", tmp_path)
    Generator(GeneratorConfig(body=body.family)).save_pretrained(tmp_path / "g")
    Scorer(ScorerConfig(body=body.family)).save_pretrained(tmp_path / "s")
    arguments = [
        "evaluate", "--generators", f"[{tmp_path / 'g'}]", "--scorer", str(tmp_path / "s"), "--candidates=2",
        "--labels", str(options.labels), "--images", str(options.images), "--body_model", str(smpl),
    ]  # fmt: skip
    assert main([*arguments, "--data", "d", "--out", str(tmp_path / "e")]) == 2
    assert "one of the two" in capsys.readouterr().err
    assert main([*arguments, "--out", str(tmp_path / "e")]) == 0
    [figures] = read_json(tmp_path / "e" / "metrics.json")["generators"].values()
    assert figures["mean_pve_mm"]["n"] == N
