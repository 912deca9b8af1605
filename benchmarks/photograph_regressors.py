"""Regressors taught by pseudo-labels of photographs: all, a random 70 %, and the 70 % that a judge likes best.

    python -m benchmarks.photograph_regressors --lspet LSPET --work WORK --split test --out \
        benchmarks/results/photograph_regressors.json

Labels and judges are those of ``benchmarks.photograph_cleaning``. The regressors look at the crop alone, are told nothing, and
begin with what the packaged branch makes of it: a head on its features (new), the branch's own estimate (finetuned), and the
packaged generator by its own loss (finetuned; the mean of ten). All learn for the same steps. The judge: PCK@0.1 by the marks of
humans on the split, nothing fitted. Beside the rows: the labels without the spoilt, which nobody could know.
"""

from __future__ import annotations

import argparse
import copy
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from adhmr.figures import Figure, bootstrap, show
from adhmr.loading import estimator_folder
from adhmr.photograph_loop.telling import as_told
from benchmarks.detected_photographs import DetectedMarks, pictured
from benchmarks.finetuned import run_of
from benchmarks.marked_photographs import MarkedPeople, off, read_lspet, share
from benchmarks.photograph_cleaning import ACROSS, KEPT, REPROJECTION, LabelledPool, badness, labelled_pool
from diffusion_hmr.generator import Generator
from diffusion_hmr.looking import Looked, LookingBranch, LookingGenerator
from diffusion_hmr.protocol import load_generator
from dpo.align import Replay, replay_error
from hmr.body import BodyParams
from hmr.files import code_version, write_json
from hmr.free_body import free_body
from hmr.networks.branch_loss import Targets, estimate_loss
from hmr.networks.lit_branch import LitBranch
from hmr.networks.stored_conditions import stored_conditions
from hmr.pose_state import body_from_state
from hmr.prompt_points import prompt_points
from hmr.samples import Samples
from hmr.skinned_body import SkinnedBody
from hmr.training.batch_random import BatchRandom
from hmr.training.batches import RowNumbers
from hmr.training.config import FitConfig
from hmr.training.fit import fit
from regressors.config import RegressorConfig
from regressors.regressor import Regressor, train_regressor_head
from scorer.consensus import weighted_mean_body

CANDIDATES = 10


@dataclass(frozen=True)
class Taught:
    """What a regressor is taught with: what the branch is given of n people, their labels, and how long."""

    base: Generator
    looked: Looked
    targets: Targets
    config: FitConfig
    model: SkinnedBody

    def of(self, rows: Tensor) -> Taught:
        return Taught(self.base, self.looked[rows], self.targets[rows], self.config, self.model)


#: A regressor that has learnt: what the branch is given of b people, and cameras (b, 3, 3), to bodies [b].
Bodies = Callable[[Looked, Tensor], BodyParams]


def head(taught: Taught, seed: int) -> Bodies:
    """A new head on the frozen features."""
    looking = LookingBranch.of(taught.base)
    torch.manual_seed(seed)
    # Its own image branch is not used: the features are the lit branch's.
    regressor = Regressor(RegressorConfig(size=taught.base.crop_size, branch=taught.base.config.branch))
    train_regressor_head(
        regressor, looking.conditions(taught.looked), taught.targets.state, taught.config, run_of(seed)
    )
    return lambda looked, K: regressor.bodies(looking.conditions(looked), K, taught.model)


def own_estimate(taught: Taught, seed: int) -> Bodies:
    """What the branch itself says, finetuned."""
    base = copy.deepcopy(taught.base)
    branch = base.branch
    assert isinstance(branch, LitBranch)

    def loss(rows: Tensor, random: BatchRandom) -> tuple[Tensor, dict[str, Tensor]]:
        del random
        _, own = branch.lifted(*taught.looked[rows].inputs)
        return estimate_loss(own, taught.targets[rows])

    fit(branch, loss, RowNumbers(len(taught.looked)), taught.config, run_of(seed))

    @torch.no_grad()
    def bodies(looked: Looked, K: Tensor) -> BodyParams:
        branch.eval()
        _, own = branch.lifted(*looked.inputs)
        return body_from_state(own.state, own.shape, own.extent, K, base.crop_size, taught.model)

    return bodies


def generator(taught: Taught, seed: int) -> Bodies:
    """The denoiser and the features, by their own loss; the mean of ten samples."""
    looking = LookingGenerator(copy.deepcopy(taught.base))
    labelled = Replay(taught.looked, taught.targets.state)

    def loss(rows: Tensor, random: BatchRandom) -> tuple[Tensor, dict[str, Tensor]]:
        return replay_error(looking.denoiser, labelled, len(rows), random, torch.device("cpu")), {}

    fit(looking.denoiser, loss, RowNumbers(len(labelled.states)), taught.config, run_of(seed))

    def bodies(looked: Looked, K: Tensor) -> BodyParams:
        drawn = looking.generator.sample_bodies(looking.branch.conditions(looked), K, taught.model, CANDIDATES, 0)
        return weighted_mean_body(drawn, torch.full(drawn.batch_shape, 1 / CANDIDATES))

    return bodies


REGRESSORS = {"a new head": head, "the own estimate": own_estimate, "the generator": generator}


def choices(pool: LabelledPool, model: SkinnedBody) -> dict[str, Callable[[int], Tensor]]:
    """Rows of the labels that are taught, by the seed."""
    judges = badness(pool, model)
    n, kept = len(pool.name), round(KEPT * len(pool.name))

    def random(seed: int) -> Tensor:
        return torch.randperm(n, generator=torch.Generator().manual_seed(seed))[:kept].sort().values

    def best(name: str) -> Callable[[int], Tensor]:
        order = np.argsort(judges[name], kind="stable")[:kept]
        return lambda seed: torch.from_numpy(np.sort(order))

    return {
        "all": lambda seed: torch.arange(n),
        "random 70 %": random,
        "cleaned, 70 %": best(ACROSS),
        "by re-projection, 70 %": best(REPROJECTION),
        "without the spoilt": lambda seed: torch.from_numpy(np.flatnonzero(~pool.spoilt)),
    }


def hits(bodies: BodyParams, people: MarkedPeople, model: SkinnedBody) -> np.ndarray:
    """(n,) marks within a tenth of the box's side."""
    return (off(prompt_points(bodies, model), people) <= 0.1).sum(1).double().numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lspet", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--split", choices=["validation", "test"], default="validation")
    parser.add_argument("--photographs", type=int, help="of the pool")
    parser.add_argument("--regressors", nargs="*", default=list(REGRESSORS))
    parser.add_argument("--rows", nargs="*")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--lr", type=float, default=3e-4)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    model, base = free_body(1200), load_generator(estimator_folder("photo"))
    assert isinstance(base, Generator)
    pool = labelled_pool(args.lspet, args.work, args.photographs, model)
    looking = LookingBranch.of(base)
    looked = stored_conditions(looking, as_told(pool.views, "nothing"), args.work / "features")
    targets = Targets.of(Samples.of(pool.views, pool.label, "pseudo"), model)
    taught = Taught(base, looked, targets, FitConfig(steps=args.steps, batch_size=96, lr=args.lr), model)
    people = read_lspet(args.lspet, args.split)
    nothing = DetectedMarks(torch.zeros_like(people.px), people.boxes())
    views = as_told(pictured(people, nothing, args.lspet / "images", base.crop_size), "nothing")
    seen = stored_conditions(looking, views, args.work / "features")
    of = (people.px[..., 2] > 0).sum(1).double().numpy()
    content: dict[str, Any] = {
        "command": " ".join(["python -m benchmarks.photograph_regressors", *sys.argv[1:]]), "code": code_version(),
        "machine": {"processor": platform.processor() or platform.machine(), "threads": torch.get_num_threads()},
        "split": args.split, "people": len(people), "labels": len(pool.name), "spoilt": int(pool.spoilt.sum()),
        "seeds": args.seeds, "rows": {},
    }  # fmt: skip
    rows_of = choices(pool, model)
    for kind in args.regressors:
        content["rows"][kind] = {}
        first: np.ndarray | None = None
        for name in args.rows or list(rows_of):
            taught_by = rows_of[name]
            bodies = [
                REGRESSORS[kind](taught.of(taught_by(seed)), seed)(seen, views.K) for seed in range(args.seeds)
            ]  # fmt: skip
            per_seed = [hits(one, people, model) for one in bodies]
            mean = np.mean(per_seed, 0)
            first = mean if first is None else first
            above: Figure = bootstrap(lambda a, b, of: share(a, of) - share(b, of), mean, first, of)
            row = {
                "pck": bootstrap(share, mean, of), "points above the first": above,
                "of each seed": [round(float(share(one, of)), 2) for one in per_seed],
            }  # fmt: skip
            content["rows"][kind][name] = row
            print(f"{kind:20s} {name:26s} {show(row['pck'])} {show(above)} {row['of each seed']}", flush=True)
            write_json(args.out, content)


if __name__ == "__main__":
    main()
