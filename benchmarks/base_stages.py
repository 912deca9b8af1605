"""Is a base better when it is trained in stages than on everything at once? Equal steps, validation pictures.

    python -m benchmarks.base_stages --demo adhmr-demo --out benchmarks/results/base_stages.json

At once: the demo's base, on exact source labels and biased pseudo-labels of wild pictures together. In stages: a third of the
steps on the source, a third on the source's bodies and cameras before pasted backgrounds and behind pasted occluders (exact
labels), a third on the wild pseudo-labels with a share of the source. The regressor's opponent is the demo's.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import torch

from adhmr.demo.config import budget
from adhmr.evaluation import base_figures
from adhmr.figures import show
from adhmr.world.domains import DOMAINS
from adhmr.world.make import make_samples
from diffusion_hmr import Generator
from diffusion_hmr.config import GeneratorTraining
from diffusion_hmr.train import train_generator
from hmr.files import code_version, write_json
from hmr.free_body import free_body
from hmr.networks.conditions import conditions_of
from hmr.samples import Samples, load_samples
from hmr.training.run import TrainingRun
from regressors import Regressor

PASTED = replace(
    DOMAINS["source"], clutter=1.0, occluders=(1, 3), occluder_size=(0.1, 0.3), light=(0.3, 0.7), noise=0.04
)


def third(training: GeneratorTraining) -> GeneratorTraining:
    return replace(
        training,
        branch=replace(training.branch, steps=training.branch.steps // 3),
        denoiser=replace(training.denoiser, steps=training.denoiser.steps // 3),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demo", type=Path, required=True, help="folder of a finished `adhmr demo --from_scratch`")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    model, training = free_body(1200), budget("quick").generator
    at_once = Generator.from_pretrained(options.demo / "generator-base")
    regressor = Regressor.from_pretrained(options.demo / "regressor")
    size = at_once.config.size
    source, wild = (load_samples(options.demo / "data" / name) for name in ("source", "wild"))
    pasted = make_samples(PASTED, len(source), size, 95, model, "pasted")
    generator: Generator | None = None
    folder = Path(tempfile.mkdtemp())
    for seed, stage in enumerate((source, pasted, Samples.cat([wild, source[: len(wild) // 2]]))):
        generator, _, _ = train_generator(
            at_once.config, third(training), stage, model, TrainingRun(seed, folder=folder / str(seed)), generator
        )
        print(f"stage {seed + 1} of 3 trained", flush=True)
    assert generator is not None
    results = {}
    for domain in ("source", "target"):
        truth = make_samples(DOMAINS[domain], 200, size, 96, model, f"validation-{domain}")
        bodies = regressor.bodies(conditions_of(regressor.branch, truth), truth.K, model)
        for name, base in {"at once": at_once, "in stages": generator}.items():
            params = base.eval().sample_bodies(conditions_of(base.branch, truth), truth.K, model, 64, 97)
            results[f"{name}, {domain}"] = figures = base_figures(params, bodies, truth, model)
            print(f"{name}, {domain}: " + "; ".join(f"{k} {show(v, 2)}" for k, v in figures.items()), flush=True)
    write_json(options.out, {
        "command": "python -m benchmarks.base_stages", "seed": 0, "code": code_version(), "torch": torch.__version__,
        "machine": f"{torch.get_num_threads()} threads, cpu", "results": results,
    })  # fmt: skip


if __name__ == "__main__":
    main()
