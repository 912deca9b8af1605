import json

import numpy as np
import pytest
from PIL import Image

from adhmr.cli import COMMANDS, _underscored, _with_values, main


def test_options_may_be_written_with_dashes():
    assert _underscored("--encoder-from=a-b") == "--encoder_from=a-b"
    assert _underscored("--align.fit.batch-size") == "--align.fit.batch_size"
    assert _underscored("data-folder") == "data-folder"


def test_a_switch_without_a_value_is_true():
    given = ["--from-scratch", "--out", "x", "--strict", "false", "--from_scratch"]
    filled = _with_values(given, {"from_scratch", "strict"})
    assert filled == ["--from-scratch=true", "--out", "x", "--strict", "false", "--from_scratch=true"]


def failed(capsys, *arguments: str) -> str:
    """The one line that a mistake gives; asserts exit code 2 and no traceback."""
    assert main(list(arguments)) == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error
    return error


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    instead = {"view": "--export", "weights": "--folder"}
    for option in ("--config", instead.get(command, "--out")):
        assert option in text
    assert "<class" not in text


def test_an_unknown_command_suggests_the_nearest(capsys):
    assert "did you mean 'predict'" in failed(capsys, "predct")


def test_an_unknown_key_in_yaml_is_named(tmp_path, capsys):
    (tmp_path / "c.yaml").write_text("domian: target\n")
    error = failed(capsys, "synth", "--config", str(tmp_path / "c.yaml"), "--out", str(tmp_path / "o"))
    assert "domian" in error
    assert "did you mean 'domain'" in error


def test_a_missing_option_is_named(capsys):
    assert "scorer" in failed(capsys, "rank", "--data", "x", "--hypotheses", "y", "--out", "z")


def test_flags_override_yaml_and_the_same_seed_gives_the_same_bytes(tmp_path, capsys):
    (tmp_path / "c.yaml").write_text("count: 3\nsize: 32\nvertices: 1200\n")
    for name in ("a", "b"):
        config = ["--config", str(tmp_path / "c.yaml"), "--count", "2"]
        assert main(["synth", *config, "--out", str(tmp_path / name)]) == 0
    a, b = (np.load(tmp_path / name / "pictures.npy") for name in ("a", "b"))
    assert a.shape == (2, 32, 32, 3)
    assert np.array_equal(a, b)
    provenance = json.loads((tmp_path / "a" / "provenance.json").read_text())
    assert provenance["config"]["count"] == 2
    assert provenance["seed"] == 0
    assert "not empty" in failed(capsys, "synth", "--out", str(tmp_path / "a"))


def test_a_demo_refuses_a_folder_that_is_not_its_own(tmp_path, capsys):
    (tmp_path / "thesis.tex").write_text("precious")
    assert "not a demo of ours" in failed(capsys, "demo", "--out", str(tmp_path), "--budget", "tiny")
    assert (tmp_path / "thesis.tex").read_text() == "precious"


def test_a_full_disk_is_one_line(tmp_path, capsys, monkeypatch):
    import errno

    from adhmr.commands import synth

    def full(options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(synth, "run", full)
    assert "disk is full" in failed(capsys, "synth", "--out", str(tmp_path / "o"))


def test_missing_inputs_are_named(tmp_path, capsys):
    assert "there is none" in failed(capsys, "report", "--out", str(tmp_path / "none"))
    error = failed(
        capsys, "clean", "--data", str(tmp_path), "--scorer", str(tmp_path), "--out", "o", "--threshold", "0"
    )
    assert "scorer checkpoint" in error
    error = failed(capsys, "clean", "--data", str(tmp_path), "--scorer", str(tmp_path), "--out", str(tmp_path / "o"))
    assert "exactly one rule" in error


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """Untrained networks: the files and the errors are what is tested."""
    from diffusion_hmr import Generator, GeneratorConfig
    from scorer import Scorer, ScorerConfig

    folder = tmp_path_factory.mktemp("checkpoints")
    Generator(GeneratorConfig(sampling_steps=2)).save_pretrained(folder / "generator")
    Scorer(ScorerConfig()).save_pretrained(folder / "scorer")
    return folder


def predict(checkpoints, *arguments: str) -> list[str]:
    folders = ["--generator", str(checkpoints / "generator"), "--scorer", str(checkpoints / "scorer")]
    return ["predict", *folders, "--candidates", "3", *arguments]


def test_photographs_of_every_kind_and_bad_ones_are_listed(tmp_path, checkpoints, capsys):
    images = tmp_path / "images"
    images.mkdir()
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(255, size=(90, 120, 3), dtype=np.uint8))
    noise.save(images / "colour.jpg")
    noise.convert("L").save(images / "grey.png")
    noise.convert("RGBA").save(images / "alpha.png")
    noise.convert("P").save(images / "palette.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    noise.save(images / "turned.jpg", exif=exif)
    (images / "cut.jpg").write_bytes((images / "colour.jpg").read_bytes()[:700])
    (images / "text.jpg").write_text("not a picture")
    out = tmp_path / "out"
    assert main(predict(checkpoints, "--images", str(images), "--out", str(out))) == 3
    assert Image.open(out / "turned.png").size == (90, 120)
    for stem in ("colour", "grey", "alpha", "palette", "turned"):
        for suffix in (".npz", ".png", ".obj", ".glb"):
            assert (out / f"{stem}{suffix}").exists()
    skipped = (out / "skipped.csv").read_text()
    assert "cut.jpg" in skipped
    assert "text.jpg" in skipped
    arrays = np.load(out / "grey.npz")
    assert arrays["body_pose"].shape == (1, 3, 23, 3)
    assert (arrays["estimate_body_pose"] == arrays["body_pose"][:, 0]).all()
    assert (np.diff(arrays["score"][0]) <= 0).all()
    assert "synthetic world only" in capsys.readouterr().out


def test_bad_boxes_are_skipped_and_listed(tmp_path, checkpoints):
    images = tmp_path / "images"
    images.mkdir()
    Image.new("RGB", (100, 80), "gray").save(images / "a.jpg")
    boxes = [[10, 10, 30, 50], [10, 10, 0, 50], [500, 10, 30, 50], [10, 10, float("nan"), 5]]
    notes = [{"id": i, "image_id": 1, "bbox": box, "category_id": 1} for i, box in enumerate(boxes)]
    (tmp_path / "boxes.json").write_text(
        json.dumps({"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": notes})
    )
    arguments = predict(checkpoints, "--images", str(images), "--boxes", str(tmp_path / "boxes.json"))
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 3
    assert len((tmp_path / "out" / "skipped.csv").read_text().strip().splitlines()) == 4
    assert main([*arguments, "--strict", "true", "--out", str(tmp_path / "strict")]) == 2


def test_nothing_to_predict(tmp_path, checkpoints, capsys):
    (tmp_path / "empty").mkdir()
    arguments = predict(checkpoints, "--images", str(tmp_path / "empty"), "--out", str(tmp_path / "o"))
    assert "no photographs" in failed(capsys, *arguments)
    (tmp_path / "boxes.json").write_text("{}")
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    arguments = predict(checkpoints, "--images", str(tmp_path / "a.png"), "--boxes", str(tmp_path / "boxes.json"))
    assert "COCO" in failed(capsys, *arguments, "--out", str(tmp_path / "o"))


def test_labels_are_drawn_to_check_and_the_checked_ones_vouch_for_the_rest(tmp_path, checkpoints, small_world, capsys):
    from hmr.samples import save_samples, save_views

    data, drawn = str(tmp_path / "data"), tmp_path / "drawn"
    save_samples(tmp_path / "data", small_world["target"])
    assert "from 1 to 16" in failed(capsys, "check", "--data", data, "--out", str(drawn))
    save_views(tmp_path / "unlabelled", small_world["target"].unlabelled())
    assert "pictures without labels" in failed(
        capsys, "check", "--data", str(tmp_path / "unlabelled"), "--number", "9", "--out", str(drawn)
    )
    assert main(["check", "--data", data, "--number", "12", "--out", str(drawn)]) == 0
    assert Image.open(drawn / "0011.png").size == (640, 320)
    folders = ["--data", data, "--scorer", str(checkpoints / "scorer"), "--out", str(tmp_path / "out")]
    clean = ["clean", *folders, "--max_bad_share", "0.4"]
    assert "needs --checked" in failed(capsys, *clean)
    clean += ["--checked", str(drawn / "checked.csv")]
    assert "expected 0 or 1" in failed(capsys, *clean)
    (drawn / "checked.csv").write_text((drawn / "checked.csv").read_text().replace(',""', ",0"))
    assert main(clean) == 0
    assert "kept 16 of 16" in capsys.readouterr().out
