"""Weights in a quarter of their size."""

import torch
from safetensors.torch import load_file

from diffusion_hmr import Generator, GeneratorConfig
from hmr.networks.compact import compacted, unpacked


def test_a_weight_moves_by_half_a_step_of_its_row_and_calibrations_stay():
    weights = {
        "large": torch.randn(80, 3, 64) * torch.logspace(-3, 1, 80)[:, None, None], "zero": torch.zeros(64, 64),
        "small": torch.randn(5, 5), "counts": torch.arange(9), "knots": torch.rand(4, 2048, dtype=torch.float64),
    }  # fmt: skip
    packed = compacted(weights)
    assert packed["large::bytes"].dtype == torch.int8
    back = unpacked(packed)
    assert back.keys() == weights.keys()
    step = weights["large"].flatten(1).abs().amax(1) / 127
    assert ((back["large"] - weights["large"]).flatten(1).abs().amax(1) <= 0.51 * step).all()
    assert torch.equal(back["zero"], weights["zero"])
    torch.testing.assert_close(back["small"].float(), weights["small"], atol=2e-3, rtol=1e-3)
    assert torch.equal(back["knots"], weights["knots"])
    assert torch.equal(back["counts"], weights["counts"])


def test_a_compact_checkpoint_is_loaded_as_any_other(tmp_path):
    torch.manual_seed(0)
    generator = Generator(GeneratorConfig())
    generator.save_pretrained(tmp_path / "full")
    generator.save_pretrained(tmp_path / "small", compact=True)
    sizes = [(tmp_path / name / "model.safetensors").stat().st_size for name in ("full", "small")]
    assert sizes[1] < 0.35 * sizes[0]
    loaded = Generator.from_pretrained(tmp_path / "small")
    for name, weight in generator.state_dict().items():
        worst = weight.abs().max().clamp_min(1e-3) if weight.numel() else 1.0
        assert ((loaded.state_dict()[name] - weight).abs().max() / worst) < 0.005, name
    assert "::bytes" in "".join(load_file(tmp_path / "small" / "model.safetensors"))
