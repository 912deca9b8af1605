"""`adhmr align` as a command."""

import pytest
import torch

from adhmr.cli import main
from diffusion_hmr import Generator, GeneratorConfig
from hmr.samples import save_samples


@pytest.fixture
def inputs(small_world, tmp_path):
    torch.manual_seed(0)
    generator = Generator(GeneratorConfig(sampling_steps=2))
    torch.nn.init.normal_(generator.denoiser.network.joint_out, std=0.1)
    generator.save_pretrained(tmp_path / "generator")
    save_samples(tmp_path / "data", small_world["target"])
    return ["align", "--generator", str(tmp_path / "generator"), "--data", str(tmp_path / "data"), "--judge", "random"]


def few(**values: object) -> list[str]:
    given = {"fit.steps": 3, "fit.batch_size": 4, "candidates": 4, "pictures_per_round": 4, **values}
    return [word for name, value in given.items() for word in (f"--align.{name}", str(value))]


@pytest.mark.parametrize(("beta", "told"), [(1e7, True), (1e-3, False)])
def test_pairs_told_apart_too_well_are_told_of_without_validation_too(inputs, tmp_path, capsys, beta, told):
    assert main([*inputs, "--out", str(tmp_path / "out"), *few(beta=beta)]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert ("nats, more than 3: over-optimised" in printed) is told
