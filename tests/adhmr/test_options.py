"""Options that cannot be meant are refused by name, in one line, before anything is done or written."""

import os
import subprocess
import sys
import time

import pytest

from adhmr.cli import COMMANDS, main
from dpo.config import AlignConfig, GuardConfig
from hmr.networks.checkpoint import config_from_dict
from hmr.training.config import FitConfig


@pytest.mark.parametrize(
    ("cls", "values", "words"),
    [
        (FitConfig, {"batch_size": 0}, "batch_size"),
        (FitConfig, {"steps": 0}, "steps"),
        (FitConfig, {"lr": -1e-3}, "lr"),
        (FitConfig, {"lr": float("nan")}, "lr"),
        (FitConfig, {"lr": float("inf")}, "lr"),
        (FitConfig, {"precision": "fp16"}, "precision"),
        (FitConfig, {"ema_decay": 1.5}, "ema_decay"),
        (AlignConfig, {"refresh_every": 0}, "refresh_every"),
        (AlignConfig, {"label_smoothing": -1}, "label_smoothing"),
        (AlignConfig, {"candidates": 3}, "candidates"),
        (AlignConfig, {"beta": 0}, "beta"),
        (GuardConfig, {"check_every": 0}, "check_every"),
    ],
)
def test_a_number_that_cannot_be_meant_is_refused_by_name(cls, values, words):
    with pytest.raises(ValueError, match=words):
        cls(**values)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"size": "64"}, r"\.size: expected int, got '64'"),
        ({"size": 64.0}, r"\.size: expected int"),
        ({"size": True}, r"\.size: expected int"),
        ({"sampler": "eulr"}, r"\.sampler: expected one of dpm-solver\+\+, ddim, got 'eulr'"),
        ({"denoiser": {"width": [1]}}, r"\.denoiser\.width: expected int"),
        ({"denoiser": 3}, r"\.denoiser: expected BlocksConfig"),
        ({"branch": {"encoder": {"lateral": ["1"]}}}, r"\.lateral\[0\]: expected int"),
    ],
)
def test_a_checkpoints_values_are_checked_as_well_as_its_keys(values, words):
    from diffusion_hmr.config import GeneratorConfig

    with pytest.raises(ValueError, match=words):
        config_from_dict(GeneratorConfig, values)


def test_a_whole_number_is_a_number():
    from diffusion_hmr.config import GeneratorConfig
    from hmr.networks.checkpoint import json_round_trip

    assert config_from_dict(FitConfig, {"lr": 1}).lr == 1.0
    assert config_from_dict(GeneratorConfig, json_round_trip(GeneratorConfig())) == GeneratorConfig()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train-generator", "--data", "[]", "--out", "o"], "at least one folder"),
        (["train-generator", "--data", "[x]", "--out", "o", "--training.branch.batch_size", "0"], "batch_size"),
        (["train-scorer", "--data", "[x]", "--out", "o", "--training.ranking.precision", "fp16"], "precision"),
        (["evaluate", "--generators", "[]", "--data", "d", "--scorer", "s", "--out", "o"], "at least one checkpoint"),
        (["align", "--generator", "g", "--data", "d", "--out", "o", "--align.refresh_every", "0"], "refresh_every"),
        (["align", "--generator", "g", "--data", "d", "--out", "o", "--device", "cuda"], "no CUDA device"),
        (["align", "--generator", "g", "--data", "d", "--out", "o", "--device", "gpu"], "expected cpu or cuda"),
        (["predict", "--generator", "g", "--images", "i", "--scorer", "s", "--out", "o", "--focal_px", "nan"], "focal"),
        (
            ["predict", "--generator", "g", "--images", "i", "--scorer", "s", "--out", "o", "--candidates", "0"],
            "at least one",
        ),
        (["rank", "--hypotheses", "[]", "--data", "d", "--scorer", "s", "--out", "o"], "expected"),
        (["pairs", "--data", "d", "--hypotheses", "h", "--out", "o", "--shard", "0"], "shard"),
        (["score", "--data", "d", "--scorer", "s", "--out", "o", "--rows_per_unit", "0"], "rows_per_unit"),
    ],
)
def test_in_one_line_and_nothing_is_written(tmp_path, capsys, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    if "cuda" in arguments:
        monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert words in error
    assert len(error.strip().splitlines()) == 1
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_help_loads_nothing_heavy(command):
    """What makes a --help slow is torch; without it every one is there in a tenth of a second."""
    code = (
        "import sys\nfrom adhmr.cli import main\n"
        f"try: main(['{command}', '--help'])\nexcept SystemExit: pass\n"
        "assert not {'torch', 'diffusers', 'timm', 'trl'} & set(sys.modules), sorted(sys.modules)"
    )
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-800:]
    assert {"view": "--export", "weights": "--folder"}.get(command, "--out") in done.stdout
    assert time.monotonic() - began < 10  # a second, on a machine that does nothing else


ENVIRONMENT = {**os.environ, "PYTHONWARNINGS": "ignore"}
SYNTH = [sys.executable, "-m", "adhmr", "synth", "--count", "2", "--size", "32", "--vertices", "1200", "--out"]


def test_a_terminal_without_our_letters(tmp_path):
    done = subprocess.run(
        [*SYNTH, str(tmp_path / "ünï-…")],
        env={**ENVIRONMENT, "PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_closed_output_and_a_reader_that_leaves(tmp_path):
    closed = subprocess.run(["/bin/sh", "-c", 'exec "$@" >&-', "sh", *SYNTH, str(tmp_path / "a")], check=False)
    assert closed.returncode == 0
    gone = subprocess.run(
        ["/bin/sh", "-c", f'"{sys.executable}" -m adhmr align --help | head -1; true'],
        capture_output=True,
        text=True,
        check=False,
    )
    assert gone.stdout.startswith("usage: adhmr align")
    assert "Traceback" not in gone.stderr


def test_a_file_size_limit_is_one_line(tmp_path):
    limited = subprocess.run(
        ["/bin/sh", "-c", 'ulimit -f 4; exec "$@"', "sh", *SYNTH, str(tmp_path / "a"), "--count", "64"],
        env={**ENVIRONMENT, "NUMBA_CACHE_DIR": str(tmp_path / "none")}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert limited.returncode == 2, limited.stderr[-500:]
    assert "Traceback" not in limited.stderr
    assert "another --out" in limited.stderr
    assert not (tmp_path / "a" / "pictures.npy").exists()


def test_wandb_that_cannot_start_is_one_line(tmp_path, monkeypatch):
    import wandb

    from adhmr.tracking import Tracker

    def refuse(**options):
        raise wandb.Error("no API key configured")

    monkeypatch.setattr(wandb, "init", refuse)
    with pytest.raises(ValueError, match="WANDB_MODE=offline"):
        Tracker(tmp_path, "wandb")
