"""What a regressor of full size costs beside its backbone alone: FLOPs and time of a forward pass, float32 and bf16.

    python -m benchmarks.regressor_speed --config configs/regressor_coevoer_vit.yaml --out benchmarks/results/regressor_speed.json

Weights are random; time does not depend on them. Ratios are of medians in one run, backbone and whole by turns.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
import yaml
from torch.utils.flop_counter import FlopCounterMode

from hmr.files import code_version, write_json
from hmr.networks.checkpoint import config_from_dict
from regressors import ExpressiveConfig, ExpressiveRegressor


def by_turns(works: dict[str, Callable[[], object]], repeats: int, device: torch.device) -> dict[str, list[float]]:
    """Seconds of each repeat, after one that does not count."""
    out: dict[str, list[float]] = {name: [] for name in works}
    for i in range(repeats + 1):
        for name, work in works.items():
            began = time.perf_counter()
            work()
            if device.type == "cuda":
                torch.cuda.synchronize()
            if i:
                out[name].append(time.perf_counter() - began)
    return out


def flops(work: Callable[[], object]) -> int:
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    device = torch.device(options.device)
    config = config_from_dict(ExpressiveConfig, yaml.safe_load(options.config.read_text())["regressor"])
    config = replace(config, encoder=replace(config.encoder, pretrained=False))
    regressor = ExpressiveRegressor(config).eval().to(device).requires_grad_(False)
    rgb = torch.rand(options.batch, 3, config.size, config.size, device=device)
    f = float(config.size)
    K = torch.tensor([[2 * f, 0, f / 2], [0, 2 * f, f / 2], [0, 0, 1]], device=device).expand(options.batch, 3, 3)
    works = {"backbone": lambda: regressor.encoder.backbone(rgb), "whole": lambda: regressor(rgb, K)}
    found: dict[str, object] = {
        "command": f"python -m benchmarks.regressor_speed --config {options.config}", "code": code_version(),
        "torch": torch.__version__, "batch": options.batch, "size_px": config.size,
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, {options.device}",
        "parameters": {"backbone": sum(p.numel() for p in regressor.encoder.backbone.parameters()),
                       "whole": sum(p.numel() for p in regressor.parameters())},
    }  # fmt: skip
    with torch.no_grad():
        counted = {name: flops(work) for name, work in works.items()}
        found["flops"] = {**counted, "ratio": counted["whole"] / counted["backbone"]}
        for precision in ("float32", "bf16"):
            with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
                seconds = by_turns(works, options.repeats, device)
            medians = {name: statistics.median(values) for name, values in seconds.items()}
            found[precision] = {
                "seconds": seconds, "ratio_of_medians": medians["whole"] / medians["backbone"],
                "pictures_per_s": options.batch / medians["whole"],
            }  # fmt: skip
            print(precision, found[precision], flush=True)
    print(found["flops"], found["parameters"])
    write_json(options.out, found)


if __name__ == "__main__":
    main()
