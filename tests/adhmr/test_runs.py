"""A run goes on only as the run that it was, one at a time; what it leaves may be read by whom the umask lets."""

import fcntl
import os
import stat

import pytest

from adhmr.cli import main
from hmr.files import fingerprint
from hmr.samples import save_samples
from hmr.training import fit as fit_module
from hmr.training.preempted import PreemptedError


@pytest.fixture
def train(tmp_path, small_world):
    """The command, on a set in tmp_path/data."""
    save_samples(tmp_path / "data", small_world["source"])
    few = [
        f"--training.{stage}.{name}={value}"
        for stage in ("branch", "denoiser")
        for name, value in (("steps", 4), ("batch_size", 8))
    ]

    def run(*more: str) -> int:
        return main(["train-generator", "--data", f"[{tmp_path / 'data'}]", "--out", str(tmp_path / "g"), *few, *more])

    return run


def interrupted(train, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(fit_module, "preemption_asked", lambda accelerator: True)
        assert train() == 0


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--training.branch.lr", "0.5"], "fit.lr was"),
        (["--training.branch.steps", "9"], "fit.steps was 4, is 9"),
        (["--generator.denoiser.width", "32"], "generator.denoiser.width was 64, is 32"),
        (["--seed", "5"], "seed was 0, is 5"),
    ],
)
def test_another_run_is_refused_by_what_differs(train, monkeypatch, capsys, more, words):
    interrupted(train, monkeypatch)
    assert train(*more) == 2
    assert words in capsys.readouterr().err


def test_other_data_of_the_same_size_is_another_run(train, tmp_path, small_world, monkeypatch, capsys):
    interrupted(train, monkeypatch)
    save_samples(tmp_path / "data", small_world["target"])
    assert train() == 2
    assert "content of" in capsys.readouterr().err


def test_the_same_command_goes_on_and_leaves_a_checkpoint_that_others_may_read(train, tmp_path, monkeypatch):
    before = os.umask(0o022)
    try:
        interrupted(train, monkeypatch)
        assert list((tmp_path / "g" / "unfinished" / "branch").glob("training_state-1.pt"))
        assert train() == 0
    finally:
        os.umask(before)
    assert not (tmp_path / "g" / "unfinished").exists()
    for name in ("model.safetensors", "config.json", "provenance.json"):
        assert stat.S_IMODE((tmp_path / "g" / name).stat().st_mode) == 0o644


def test_two_runs_into_one_folder_are_refused(train, tmp_path, capsys):
    (tmp_path / "g" / "unfinished").mkdir(parents=True)
    with (tmp_path / "g" / "unfinished" / ".lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert train() == 2
    assert "another run is writing" in capsys.readouterr().err
    assert train() == 0


def test_a_fingerprint_tells_contents_of_one_size_apart(tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 5_000_000)
    (tmp_path / "b").write_bytes(b"x" * 4_999_999 + b"y")
    assert fingerprint(tmp_path / "a") != fingerprint(tmp_path / "b")
    assert fingerprint(tmp_path / "a") == fingerprint(tmp_path / "a")


def test_a_demo_of_other_code_is_refused(tmp_path, monkeypatch, capsys):
    from adhmr.demo import run as demo_run

    with monkeypatch.context() as patch:
        patch.setattr("adhmr.demo.stages.make_data", lambda run: (_ for _ in ()).throw(PreemptedError(0, 1, True)))
        assert main(["demo", "--from_scratch", "--out", str(tmp_path / "d"), "--budget", "tiny"]) == 0
    monkeypatch.setattr(demo_run, "code_version", lambda: {"version": "9", "commit": "other"})
    assert main(["demo", "--from_scratch", "--out", str(tmp_path / "d"), "--budget", "tiny"]) == 2
    assert "another code" in capsys.readouterr().err
