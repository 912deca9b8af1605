"""What the denoiser predicts and how it is sampled: is the base sound? On validation pictures of the source domain.

    python -m benchmarks.base_variants --demo adhmr-demo --out benchmarks/results/base_variants.json

Takes a finished demo's image branch and regressor; trains a denoiser for each prediction type on the conditions of the
pictures that the branch has not seen, as the demo does, and samples it by each sampler with 64 hypotheses.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch

from adhmr.demo.config import budget
from adhmr.evaluation import base_figures
from adhmr.figures import show
from adhmr.world.domains import DOMAINS
from adhmr.world.make import make_samples
from diffusion_hmr import Generator
from diffusion_hmr.config import PredictionType, SamplerName
from diffusion_hmr.objective import DiffusionObjective
from diffusion_hmr.train import train_denoiser
from hmr.files import code_version, write_json
from hmr.free_body import free_body
from hmr.networks.branch_loss import Targets
from hmr.networks.conditions import conditions_of
from hmr.samples import Samples, load_samples
from hmr.training.run import TrainingRun
from hmr.training.train_branch import split_rows
from regressors import Regressor

PREDICTIONS: tuple[PredictionType, ...] = ("v_prediction", "sample", "epsilon")
SAMPLERS: tuple[tuple[SamplerName, int], ...] = (("dpm-solver++", 8), ("ddim", 8), ("ddim", 50))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demo", type=Path, required=True, help="folder of a finished `adhmr demo --from_scratch`")
    parser.add_argument("--predictions", nargs="*", default=list(PREDICTIONS), choices=PREDICTIONS)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    model, training = free_body(1200), budget("quick").generator
    trained = Generator.from_pretrained(options.demo / "generator-base")
    regressor = Regressor.from_pretrained(options.demo / "regressor")
    samples = Samples.cat([load_samples(options.demo / "data" / name) for name in ("source", "wild")])
    held_back = samples[split_rows(len(samples), training.branch_share, 0)[1]]
    conditions, states = conditions_of(trained.branch, held_back), Targets.of(held_back, model).state
    truth = make_samples(DOMAINS["source"], 200, trained.config.size, 91, model, "validation-source")
    seen = conditions_of(trained.branch, truth)
    bodies = regressor.bodies(seen, truth.K, model)
    results = {}
    for prediction in options.predictions:
        torch.manual_seed(0)
        generator = Generator(replace(trained.config, prediction=prediction))
        train_denoiser(generator.denoiser, conditions, states, training.denoiser, TrainingRun(0))
        for name, steps in SAMPLERS:
            generator.denoiser.objective = DiffusionObjective(prediction, name, steps)
            params = generator.eval().sample_bodies(seen, truth.K, model, 64, 93)
            figures = base_figures(params, bodies, truth, model)
            results[f"{prediction}, {name} in {steps}"] = figures
            cells = [show(figures[key], 2) for key in ("mean_sample_of_64_pve_mm", "mean_sample_against_regressor_percent",
                                                    "spread_over_mean_error", "truth_rank")]  # fmt: skip
            print(f"| {prediction}, {name} in {steps} | " + " | ".join(cells) + " |", flush=True)
            write_json(options.out, {
                "command": "python -m benchmarks.base_variants", "seed": 0, "code": code_version(), "torch": torch.__version__,
                "machine": f"{torch.get_num_threads()} threads, cpu", "results": results,
            })  # fmt: skip


if __name__ == "__main__":
    main()
