"""The contracts of pyproject.toml refuse what they are there for: a line is planted in a copy, and lint-imports says no."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("importlinter")
ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("hmr", "diffusion_hmr", "scorer", "dpo", "data_cleaning", "regressors", "adhmr")


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("copy")
    shutil.copy(ROOT / "pyproject.toml", folder)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("*.npz", "__pycache__"))
    return folder


def broken(folder: Path) -> str:
    """Names of the contracts that are broken, as they are printed; empty when none is."""
    code = (
        "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports_command; lint_imports_command()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False
    )
    lines = [line for line in done.stdout.splitlines() if line.rstrip().endswith("BROKEN")]
    assert bool(lines) == (done.returncode != 0), done.stdout + done.stderr
    return " ".join(lines)


def test_the_code_as_it_is_keeps_them(copy):
    assert broken(copy) == ""


@pytest.mark.parametrize(
    ("file", "line", "words"),
    [
        ("data_cleaning/rules.py", "import diffusion_hmr.generator", "cleaning never needs a generator"),
        ("dpo/loss.py", "import wandb", "only one file imports wandb"),
        ("scorer/scores.py", "import smplx", "only one file imports smplx"),
        ("hmr/body.py", "import hmr.training.fit", "over words"),
        ("adhmr/world/make.py", "import scorer.scores", "synthetic world"),
        ("scorer/config.py", "import torch", "configurations import no torch"),
    ],
)
def test_a_planted_line_is_refused(copy, file, line, words):
    path = copy / file
    before = path.read_text()
    path.write_text(before + f"\n{line}\n")
    try:
        assert words in broken(copy)
    finally:
        path.write_text(before)
