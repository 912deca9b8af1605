"""The command that makes a generator that looks, with eyes that are made up."""

from adhmr.cli import main
from diffusion_hmr import Generator
from hmr.detection.eyes import Eyes
from hmr.networks.lit_branch import LitBranch
from tests.support.lit import MadeUpEyes

TINY = [
    "--seen", "20", "--generator.size", "32", "--people.captured", "0", "--training.people", "40",
    "--training.branch.steps", "2", "--training.branch.batch_size", "8",
    "--training.denoiser.steps", "2", "--training.denoiser.batch_size", "4",
]  # fmt: skip


def test_it_is_made_in_one_go(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(Eyes, "load", lambda *args, **kwargs: MadeUpEyes())
    assert main(["train-photo-generator", "--out", str(tmp_path / "g"), *TINY]) == 0
    assert not (tmp_path / "g" / "unfinished").exists()
    assert "20 people who are seen and 40 others" in capsys.readouterr().out
    generator = Generator.from_pretrained(tmp_path / "g")
    assert isinstance(generator.branch, LitBranch)
    assert generator.is_prompted
