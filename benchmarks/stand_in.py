"""How far keypoints are off when a body is drawn at its model's mean build, because its own shape is not known.

    python -m benchmarks.stand_in --out benchmarks/results/stand_in.json

That is what befalls SMPL(-X) parameters that are put on the free body: their betas mean nothing to it. Measured within the free
body's own space of builds, in the poses of the synthetic world, with pelvises laid on each other. How else the free body differs
from SMPL is not measured.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch

from adhmr.figures import mean_figure
from adhmr.world.domains import DOMAINS
from adhmr.world.make import make_samples
from hmr.files import code_version, write_json
from hmr.free_body import free_body


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1024)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    body = free_body(1200)
    label = make_samples(DOMAINS["source"], args.count, 32, 0, body, "stand-in").label
    keypoints = body.keypoints(label)
    mean = body.keypoints(replace(label, shape=torch.zeros_like(label.shape)))
    off = (keypoints - keypoints[:, :1] - mean + mean[:, :1]).norm(dim=-1).mean(1) * 1000
    figure = mean_figure(off.numpy())
    print(figure)
    write_json(
        args.out,
        {
            "command": "python -m benchmarks.stand_in", "seed": 0, "n": args.count, "mean_keypoint_error_mm": figure,
            "ninth_decile_mm": float(off.quantile(0.9)), "code": code_version(),
        },
    )  # fmt: skip


if __name__ == "__main__":
    main()
