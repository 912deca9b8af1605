"""What aligning costs at the paper's size: HRNet-W48 and HypoNet as released, random weights, which cost as much as any.

    python -m benchmarks.released_alignment_speed --pairs 2 --repeats 2 --out benchmarks/results/released_alignment_speed.json

A step on cached features against the same step as the released code does it: its branch looks at the pictures again, with
gradients, and the reference's own once more. Seconds are of the processor, of one thread: others may be using the machine. FLOPs
are counted on tensors without content. The last part says how long the stages of the experiment take on a GPU at an assumed share
of its peak.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchmarks.matmul_rate import flops_of
from benchmarks.settings import settings
from diffusion_hmr.released.generator import ReleasedGenerator, ReleasedGeneratorConfig
from diffusion_hmr.released.sampler import TIMESTEPS
from dpo.align import pair_errors, switch_off_dropout
from dpo.loss import diffusion_dpo_loss
from dpo.reference import frozen_copy
from hmr.files import code_version, write_json
from hmr.networks.hrnet_branch import HrnetConditions
from hmr.networks.precision import fast_precision
from hmr.pose_state import STATE_DIM
from hmr.training.batch_random import BatchRandom
from scorer.released.hmr_scorer import ReleasedHmrScorer, ReleasedHmrScorerConfig

_CPU, _META = torch.device("cpu"), torch.device("meta")
#: Multiplications and additions a second at most, dense bf16, by the makers' data sheets; and the share that is assumed of it.
GPU_PEAK_FLOPS = {"RTX 4090": 165e12, "A100": 312e12, "H100 SXM": 989e12}
SHARE_OF_PEAK = 0.2


def cpu_seconds(work: Callable[[], object], repeats: int) -> list[float]:
    """Of each repeat, after one that does not count."""
    out = []
    for i in range(repeats + 1):
        began = time.process_time()
        work()
        if i:
            out.append(round(time.process_time() - began, 2))
    return out


def peak_mib() -> int:
    """Of the process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


class Bench:
    """A generator of the released size with a batch of pairs, on one device."""

    def __init__(self, generator: ReleasedGenerator, pairs: int, device: torch.device) -> None:
        self.branch, self.policy = generator.branch.to(device).eval(), generator.denoiser.to(device).train()
        switch_off_dropout(self.policy)
        self.optimizer = torch.optim.AdamW(self.policy.parameters(), lr=0.0)
        self.rgb = torch.rand(pairs, 3, generator.config.size, generator.config.size, device=device)
        self.states = torch.randn(2, pairs, STATE_DIM, device=device)

    def conditions(self, branch: nn.Module) -> HrnetConditions:
        features = branch(self.rgb)
        return HrnetConditions(features.coarse, features.local(), features.shape)

    def errors_and_gradients(self, reference: Any, conditions: HrnetConditions) -> None:
        winner, loser = self.states
        errors = pair_errors(self.policy, reference, conditions, (winner, loser), BatchRandom(0, winner.device))
        diffusion_dpo_loss(errors, 50.0).mean().backward()

    def cached_step(self, reference: Any, conditions: HrnetConditions) -> None:
        self.errors_and_gradients(reference, conditions)
        self.optimizer.step()
        self.optimizer.zero_grad()

    def released_step(self, reference: Any, reference_branch: nn.Module) -> None:
        """Without the branch's own optimiser."""
        conditions = self.conditions(self.branch)
        with torch.no_grad():
            self.conditions(reference_branch)
        self.cached_step(reference, conditions)
        self.branch.zero_grad()


def gflops(candidates: int) -> dict[str, float]:
    """Of one picture, one pair and one candidate, each by itself; nothing is computed."""
    with torch.device(_META):
        generator, scorer = ReleasedGenerator(ReleasedGeneratorConfig()), ReleasedHmrScorer(ReleasedHmrScorerConfig())
    policy, branch = generator.denoiser.train(), generator.branch.eval()
    rgb = torch.empty(1, 3, 256, 256, device=_META)
    coarse, local = torch.empty(1, 512, 8, 8, device=_META), torch.empty(1, 52, 256, device=_META)
    x, t = torch.empty(1, 2, STATE_DIM, device=_META), torch.zeros(1, 2, dtype=torch.long, device=_META)
    uvd = torch.empty(1, candidates, 29, 3, device=_META)
    with torch.no_grad():
        looked = flops_of(lambda: branch(rgb))
        one_call = flops_of(lambda: policy(x, t, coarse, local)) / 2
        encoded = flops_of(lambda: scorer.encode(rgb[:, :, :, :192]))
        judged = flops_of(lambda: scorer.judge(torch.empty(1, 768, 16, 12, device=_META), uvd)) / candidates
    looked_with_gradients = flops_of(lambda: _backward(branch(rgb)))
    with_gradients = flops_of(lambda: policy(x, t, coarse, local).sum().backward())
    cached = with_gradients + 2 * one_call
    out = {
        "branch_of_a_picture": looked, "denoiser_of_a_body": one_call, "sample": len(TIMESTEPS) * one_call,
        "cached_step_of_a_pair": cached, "released_step_of_a_pair": cached + looked_with_gradients + looked,
        "scorer_of_a_picture": encoded, "scorer_of_a_body": judged,
    }  # fmt: skip
    return {name: round(value / 1e9, 3) for name, value in out.items()}


def _backward(features: Any) -> None:
    (features.coarse.sum() + features.local().sum() + features.shape.sum()).backward()


def minutes_on_gpus(gflop: dict[str, float], pictures: int, candidates: int, pairs: int) -> dict[str, dict[str, float]]:
    """Of the experiment's stages at ``SHARE_OF_PEAK``: pairs of so many pictures, and a run of so many pairs."""
    making = gflop["branch_of_a_picture"] + gflop["scorer_of_a_picture"]
    making += candidates * (gflop["sample"] + gflop["scorer_of_a_body"])
    stages = {
        "make_pairs": pictures * making, "align": pairs * gflop["cached_step_of_a_pair"],
        "align_the_released_way": pairs * gflop["released_step_of_a_pair"],
    }  # fmt: skip
    return {
        gpu: {stage: round(1e9 * work / (SHARE_OF_PEAK * peak) / 60, 2) for stage, work in stages.items()}
        for gpu, peak in GPU_PEAK_FLOPS.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=4, help="in a step, each of another picture")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--candidates", type=int, default=50, help="M of the paper's pairs in the wild")
    parser.add_argument("--pictures", type=int, default=20_000, help="of which pairs are made")
    parser.add_argument("--run_pairs", type=int, default=1_000_000, help="of the whole run: 50 epochs of 20,000")
    parser.add_argument("--hardware", default="1 thread of a shared machine with 2 cores")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    gflop = gflops(options.candidates)
    print(gflop, flush=True)
    generator = ReleasedGenerator(ReleasedGeneratorConfig())
    bench = Bench(generator, options.pairs, _CPU)
    reference = frozen_copy(bench.policy)
    with torch.no_grad():
        conditions = bench.conditions(bench.branch)
    before = peak_mib()
    cached = cpu_seconds(lambda: bench.cached_step(reference, conditions), options.repeats)
    cached_peak = peak_mib()
    print(cached, cached_peak, flush=True)
    reference_branch = frozen_copy(bench.branch)
    released = cpu_seconds(lambda: bench.released_step(reference, reference_branch), options.repeats)
    content = {
        "command": "python -m benchmarks.released_alignment_speed", "seed": 0, "code": code_version(),
        "torch": torch.__version__, "hardware": options.hardware, "precision": "float32",
        "bf16_is_native": fast_precision(_CPU) == "bf16", "configuration": settings(options),
        "cached_step_cpu_s": cached, "released_step_cpu_s": released,
        "ratio_of_medians": round(statistics.median(released) / statistics.median(cached), 2),
        "peak_mib": {"before": before, "cached": cached_peak, "released": peak_mib()},
        "features_of_a_picture_kb": round(sum(x[0].nbytes for x in vars(conditions).values()) / 1000, 1),
        "gflop": gflop,
        "share_of_peak_assumed": SHARE_OF_PEAK,
        "minutes_assumed": minutes_on_gpus(gflop, options.pictures, options.candidates, options.run_pairs),
    }  # fmt: skip
    write_json(options.out, content)
    print(content)


if __name__ == "__main__":
    main()
