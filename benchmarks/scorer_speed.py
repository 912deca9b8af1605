"""Candidates scored a second: the scorer as it is used, against a plain fp32 forward of the same weights.

    python -m benchmarks.scorer_speed --scorer adhmr-demo/scorer --out benchmarks/results/scorer_speed.json

Plain: every candidate is a row of its own, with its own copy of the picture, in float32. As used: the picture and the keys and
values of its memory once for all candidates, bf16 where the device multiplies it natively. Both in one process, by turns.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from scipy.stats import kendalltau

from adhmr.world.domains import DOMAINS
from adhmr.world.make import make_samples
from benchmarks.matmul_rate import share_of_rate
from hmr.camera import bearing
from hmr.displacement import uvd_of
from hmr.files import code_version, write_json
from hmr.free_body import free_body
from hmr.networks.precision import fast_precision
from hmr.samples import Samples
from scorer import Scorer
from scorer.candidates import noised_truth


@torch.no_grad()
def plain(scorer: Scorer, samples: Samples, uvd: torch.Tensor, batch_size: int = 64) -> torch.Tensor:
    """(b, n) scores, a row for each candidate."""
    b, n = uvd.shape[:2]
    device = scorer.token.device
    rows = torch.arange(b).repeat_interleave(n)
    flat, towards = uvd.flatten(0, 1)[:, None], bearing(samples.K, samples.size)
    out = []
    for start in range(0, b * n, batch_size):
        part = rows[start : start + batch_size]
        pictures, _ = scorer.encode(samples.rgb[part].to(device).float() / 255, towards[part].to(device))
        out.append(scorer(pictures, flat[start : start + batch_size].to(device)).score[:, 0].cpu())
    return torch.cat(out).view(b, n)


def seconds(act) -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    began = time.perf_counter()
    act()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scorer", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pictures", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    scorer = Scorer.from_pretrained(options.scorer).to(options.device)
    body = free_body(1200)
    samples = make_samples(DOMAINS["target"], options.pictures, scorer.config.size, 77, body, "speed")
    rows, dtype = [], torch.bfloat16 if fast_precision(torch.device(options.device)) == "bf16" else torch.float32
    for count in (10, 100):
        uvd = uvd_of(noised_truth(samples, count, 0).params, samples.K, samples.size, body)
        known = torch.ones(uvd.shape[:-1], dtype=torch.bool)
        as_used = scorer.score_uvd(samples, uvd, known).value.numpy()
        as_plain = plain(scorer, samples, uvd).numpy()
        tau = float(np.mean([kendalltau(a, b).statistic for a, b in zip(as_used, as_plain, strict=True)]))
        times = [
            (
                seconds(lambda u=uvd, k=known: scorer.score_uvd(samples, u, k)),
                seconds(lambda u=uvd: plain(scorer, samples, u)),
            )
            for _ in range(options.repeats)
        ]
        ratios = [slow / fast for fast, slow in times]
        rows.append(
            {
                "candidates": count,
                "pictures": options.pictures,
                "candidates_per_second": round(options.pictures * count / float(np.median([f for f, _ in times]))),
                "plain_candidates_per_second": round(
                    options.pictures * count / float(np.median([s for _, s in times]))
                ),
                "ratio_median": round(float(np.median(ratios)), 2),
                "ratio_range": [round(min(ratios), 2), round(max(ratios), 2)],
                "kendall_tau": round(tau, 4),
                "of_matmul_rate": share_of_rate(
                    lambda u=uvd, k=known: scorer.score_uvd(samples, u, k),
                    float(np.median([f for f, _ in times])),
                    torch.device(options.device),
                    dtype,
                ),
            }
        )
        print(rows[-1])
    hardware = {"device": options.device, "threads": torch.get_num_threads(), "torch": torch.__version__}
    write_json(options.out, {"rows": rows, "repeats": options.repeats, "code": code_version(), **hardware})


if __name__ == "__main__":
    main()
