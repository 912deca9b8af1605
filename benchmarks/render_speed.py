"""Finished pictures a second of the synthetic world, by size and level of detail.

    python -m benchmarks.render_speed --out benchmarks/results/render_speed.json

Everything counts: poses, bodies, cameras, clothes, light, drawing at twice the resolution, backdrop, occluders, noise.
"""

from __future__ import annotations

import argparse
import platform
import time
from pathlib import Path

import torch

from adhmr.world.domains import DOMAINS
from adhmr.world.make import make_samples
from hmr.files import code_version, write_json
from hmr.free_body import free_body


def pictures_per_second(vertices: int, size: int, count: int, seed: int) -> float:
    body = free_body(vertices)
    make_samples(DOMAINS["target"], 8, size, seed, body, "warm-up")
    began = time.perf_counter()
    make_samples(DOMAINS["target"], count, size, seed, body, "timed")
    return count / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1024)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    rows = [
        {"vertices": v, "size_px": s, "pictures_per_second": round(pictures_per_second(v, s, args.count, 0), 1)}
        for v in (1200, 6900)
        for s in (64, 128, 192)
    ]
    for row in rows:
        print(row)
    write_json(
        args.out,
        {
            "command": "python -m benchmarks.render_speed", "count": args.count, "seed": 0, "rows": rows,
            "threads": torch.get_num_threads(), "machine": platform.processor() or platform.machine(), "code": code_version(),
        },
    )  # fmt: skip


if __name__ == "__main__":
    main()
