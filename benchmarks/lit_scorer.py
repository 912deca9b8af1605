"""Does the scorer for photographs order candidates in 3D? On rendered people in poses that neither it nor the generator learnt.

    python -m benchmarks.lit_scorer --motion HELD_OUT.npz --weights WEIGHTS --out benchmarks/results/lit_scorer.json

Pictures of 256 px of people in any pose, half of them of HELD_OUT.npz; a detector's two looks at them are what is told. Ten
candidates of the packaged generator, five as drawn and five fitted. SRCC within each picture to PVE, and the PVE of the one that
is chosen, beside judges that need no scorer.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from adhmr.figures import bootstrap, mean, mean_figure, show
from adhmr.lit.candidates import judged_people
from adhmr.lit.people import PictureMaker, lit_people
from adhmr.world.people_config import PeopleConfig
from diffusion_hmr import Generator
from hmr.detection.eyes import Eyes
from hmr.files import code_version, write_json
from hmr.formats.motion.captured import read_motion
from hmr.free_body import free_body
from hmr.networks.prompt_branch import at_keypoints
from scorer import Scorer
from scorer.correlation import spearman
from scorer.medoid import medoid_displacement_mm
from scorer.protocol import load_scorer
from scorer.train_lit import JudgedLitPeople, judged_by

CANDIDATES = 10


def plain_judges(judged: JudgedLitPeople) -> dict[str, Tensor]:
    """(n, m) each; lower is better."""
    uvd, marks = judged.sets.uvd, at_keypoints(judged.marks)
    there = (marks[:, None, :, 2] > 0).float()
    off = (uvd[..., :2] - marks[:, None, :, :2]).norm(dim=-1)
    return {
        "medoid": medoid_displacement_mm(uvd).mean(-1),
        "distance to the marks": (off * there).sum(-1) / there.sum(-1).clamp_min(1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generator", default="photo")
    parser.add_argument("--scorer", default="photo")
    parser.add_argument("--motion", type=Path)
    parser.add_argument("--people", type=int, default=512)
    parser.add_argument("--weights", type=Path, help="folder of BlazePose's")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    model, scorer = free_body(1200), load_scorer(args.scorer)
    if not isinstance(scorer, Scorer) or not scorer.is_lit:
        parser.error("--scorer: expected a scorer for photographs")
    maker = PictureMaker(PeopleConfig(any_rotation=0.2), model, read_motion(args.motion) if args.motion else None)
    with tempfile.TemporaryDirectory() as folder:
        people, lit = lit_people(maker, Eyes.load(args.weights), args.people, 7000, Path(folder), lambda share: None)
    generator = Generator.from_pretrained(args.generator)
    judged = judged_people(people, lit, generator, model, CANDIDATES, 1, lambda share: None)
    score, displacement, _ = judged_by(scorer, judged)
    judges = plain_judges(judged) | {"scorer: score": -score, "scorer: displacement": displacement.mean(-1)}
    error = judged.sets.errors_mm[..., 0]
    order = {name: spearman(value.numpy(), error.numpy()) for name, value in judges.items()}
    rows: dict[str, Any] = {
        "mean of all": mean_figure(error.mean(1).numpy()),
        "best": mean_figure(error.amin(1).numpy()),
    }
    for name, value in judges.items():
        chosen = error.gather(1, value.argmin(1, keepdim=True))[:, 0].numpy()
        rows[name] = {
            "srcc": mean_figure(order[name]), "chosen_pve_mm": mean_figure(chosen),
            "above the medoid": bootstrap(lambda a, b: mean(a) - mean(b), order[name], order["medoid"]),
        }  # fmt: skip
        print(
            f"{name:24s}",
            show(rows[name]["srcc"], 3),
            show(rows[name]["above the medoid"], 3),
            show(rows[name]["chosen_pve_mm"]),
        )
    print("mean of all", show(rows["mean of all"]), "best", show(rows["best"]))
    machine = {"processor": platform.processor() or platform.machine(), "threads": torch.get_num_threads()}
    command = " ".join(["python -m benchmarks.lit_scorer", *sys.argv[1:]])
    write_json(args.out, {"command": command, "seed": 0, "machine": machine, "code": code_version(), "rows": rows})


if __name__ == "__main__":
    main()
