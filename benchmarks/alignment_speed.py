"""Speed of alignment and sampling, as ratios of medians in one run.

    python -m benchmarks.alignment_speed --generator adhmr-demo/generator-base --out benchmarks/results/alignment_speed.json

An alignment step on cached features against the same step with the image branch run for the policy and once more for the
reference, as the released code does; sampling as `Generator.sample_states` does it (bf16 where the machine is fast at it, chunks
that fit the caches) against plain float32 with all hypotheses at once; time and memory as M grows.
"""

from __future__ import annotations

import argparse
import platform
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
import yaml
from torch import Tensor

from benchmarks.matmul_rate import share_of_rate
from diffusion_hmr import Generator, GeneratorConfig
from diffusion_hmr.denoiser import Denoiser
from dpo.align import pair_errors
from dpo.loss import diffusion_dpo_loss
from dpo.reference import frozen_copy
from hmr.camera import bearing
from hmr.files import code_version, write_json
from hmr.free_body import free_body
from hmr.networks.branch_loss import Targets
from hmr.networks.checkpoint import config_from_dict
from hmr.networks.conditions import Conditions, conditions_of
from hmr.networks.precision import autocast, fast_precision
from hmr.pose_state import STATE_DIM
from hmr.samples import load_samples
from hmr.training.batch_random import BatchRandom


def seconds(work: Callable[[], object], repeats: int, device: torch.device) -> list[float]:
    """Of each repeat, after one that does not count."""
    out = []
    for i in range(repeats + 1):
        began = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize()
        if i:
            out.append(time.perf_counter() - began)
    return out


def loaded(path: Path) -> Generator:
    """Speed does not depend on the weights."""
    if path.suffix != ".yaml":
        return Generator.from_pretrained(path)
    return Generator(config_from_dict(GeneratorConfig, yaml.safe_load(path.read_text())["generator"]))


def plain_sampling(generator: Generator, conditions: Conditions, count: int) -> Tensor:
    """Float32, all hypotheses of all pictures at once."""
    device = generator.denoiser.residual_std.device
    with torch.no_grad():
        condition = generator.denoiser.prepare(conditions.map(lambda c: c.to(device)))
        x = torch.randn(len(conditions), count, STATE_DIM, device=device)
        objective = generator.denoiser.objective
        return objective.integrate(lambda x_t, t: generator.denoiser(x_t, t, condition), x)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--generator", type=Path, required=True, help="a checkpoint, or a .yaml (then its weights are random)"
    )
    parser.add_argument("--data", type=Path, required=True, help="a folder of labelled crops of the generator's size")
    parser.add_argument("--pictures", type=int, default=48, help="the batch of a step; a third of them are sampled")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--growth", nargs="*", type=int, default=[10, 100, 1000], help="hypotheses of a picture")
    parser.add_argument("--compiled", action="store_true", help="also sample by torch.compile")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    device = torch.device(options.device)
    generator = loaded(options.generator).to(device)
    samples, body = load_samples(options.data)[: options.pictures], free_body(1200)
    conditions = conditions_of(generator.branch, samples)
    towards, rgb = bearing(samples.K, samples.size).to(device), samples.rgb[:].to(device).float() / 255
    policy, reference = generator.denoiser.train(), frozen_copy(generator.denoiser)
    reference_branch = frozen_copy(generator.branch)
    states = Targets.of(samples, body).state.to(device)
    optimizer = torch.optim.AdamW(policy.parameters(), lr=0.0)
    on_device = conditions.map(lambda c: c.to(device))

    def step(batch: Conditions) -> None:
        with autocast(device):
            errors = pair_errors(policy, reference, batch, (states, states.flip(0)), BatchRandom(0, device))
            loss = diffusion_dpo_loss(errors, 50.0).mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    def released_step() -> None:
        with autocast(device):
            batch = generator.branch.conditions(rgb, towards)  # with gradients: the released code trains it
            with torch.no_grad():
                reference_branch.conditions(rgb, towards)
        step(batch.map(lambda c: c.float()))
        generator.branch.zero_grad()

    cached = seconds(lambda: step(on_device), options.repeats, device)
    released = seconds(released_step, options.repeats, device)
    generator.eval()
    few = conditions[: max(options.pictures // 3, 1)]
    ours = seconds(lambda: generator.sample_states(few, 100, 0), options.repeats, device)
    plain = seconds(lambda: plain_sampling(generator, few, 100), options.repeats, device)
    growth = {}
    for count in options.growth:
        took = statistics.median(seconds(lambda m=count: generator.sample_states(conditions[:4], m, 0), 3, device))
        peak = (
            torch.cuda.max_memory_allocated() / 2**20
            if device.type == "cuda"
            else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        )
        growth[str(count)] = {"ms_per_hypothesis": 1000 * took / (4 * count), "peak_mib_so_far": round(peak)}

    def block(fast: list[float], slow: list[float]) -> dict[str, object]:
        return {
            "fast_s": [round(x, 4) for x in fast], "slow_s": [round(x, 4) for x in slow],
            "ratio_of_medians": round(statistics.median(slow) / statistics.median(fast), 2),
        }  # fmt: skip

    content = {
        "command": "python -m benchmarks.alignment_speed", "code": code_version(), "torch": torch.__version__,
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads",
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
        "generator": str(options.generator.name), "pictures": len(samples),
        "alignment_step": {**block(cached, released), "pairs_per_s": round(len(samples) / statistics.median(cached))},
        "sampling_m100": {**block(ours, plain), "hypotheses_per_s": round(100 * len(few) / statistics.median(ours))},
        "growth": growth,
        "sampling_of_matmul_rate": share_of_rate(
            lambda: generator.sample_states(few, 100, 0), statistics.median(ours), device,
            torch.bfloat16 if fast_precision(device) == "bf16" else torch.float32,
        ),
    }  # fmt: skip
    if options.compiled:
        eager = Denoiser.forward
        Denoiser.forward = torch.compile(eager)  # of the class, since sampling works on a bf16 copy
        fast = seconds(lambda: generator.sample_states(few, 100, 0), options.repeats, device)
        Denoiser.forward = eager
        content["sampling_m100_compiled"] = block(fast, plain)
    write_json(options.out, content)
    print(content)


if __name__ == "__main__":
    main()
