"""Does ranking each part of the body by itself, with the paper's loss, make a better judge of parts, and what does it cost?

    python -m benchmarks.part_ranking --demo adhmr-demo --out benchmarks/results/part_ranking.json

Takes a finished demo's pictures and candidates; one encoder for each seed, the ranking learnt from it with each weight. Tests on
the base's samples and on noised truths of the shifted domain, and on the labels to clean; with --validation on other pictures
of the kind, which is what the weight was chosen on.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import rankdata

from adhmr.demo.config import budget
from adhmr.figures import Figure, bootstrap, mean_figure, show
from adhmr.world.domains import DOMAINS
from adhmr.world.hidden_truth import load_hidden_truth
from adhmr.world.make import make_samples
from adhmr.world.pseudo_labels import mixed_labels
from data_cleaning.score import score_labels
from diffusion_hmr import Generator
from hmr.files import code_version, read_json, write_json
from hmr.free_body import free_body
from hmr.hypotheses import Hypotheses, load_hypotheses
from hmr.networks.checkpoint import load_part
from hmr.samples import Samples, load_samples
from hmr.skeleton import PARTS
from hmr.skinned_body import SkinnedBody
from hmr.training.run import TrainingRun
from hmr.training.train_branch import train_image_branch
from scorer import Scorer, ScorerConfig
from scorer.candidates import CandidateSets, candidate_sets, noised_truth
from scorer.correlation import spearman
from scorer.train import train_ranking

WEIGHTS = (0.0, 0.5, 2.0)


def area_under_curve(badness: np.ndarray, bad: np.ndarray) -> np.ndarray:
    """Probability that a bad label looks worse than a good one; along the last axis."""
    rank = rankdata(badness, axis=-1)
    positive, negative = bad.sum(-1), (~bad).sum(-1)
    return ((rank * bad).sum(-1) - positive * (positive + 1) / 2) / (positive * negative)


@dataclass(frozen=True)
class Tests:
    """Pictures with the base's samples of them, and labels of which some are grossly wrong (n,)."""

    truth: Samples
    proposed: Hypotheses
    labelled: Samples
    gross: np.ndarray

    @classmethod
    def of_demo(cls, demo: Path) -> Tests:
        hidden = load_hidden_truth(demo / "data" / "to-clean" / "hidden-truth.npz")
        proposed = load_hypotheses(demo / "evaluation" / "base-target.npz")
        return cls(
            load_samples(demo / "data" / "test-target"),
            proposed,
            load_samples(demo / "data" / "to-clean"),
            hidden.gross,
        )

    @classmethod
    def for_validation(cls, demo: Path, size: int, model: SkinnedBody) -> Tests:
        base = Generator.from_pretrained(demo / "generator-base")
        truth = make_samples(DOMAINS["target"], 300, size, 181, model, "validation")
        labelled, hidden = mixed_labels(
            make_samples(DOMAINS["target"], 800, size, 182, model, "validation-labels"), 183, model
        )
        return cls(truth, base.propose(truth, model, 10, 184, "base"), labelled, hidden.gross)


def figures(scorer: Scorer, tests: Tests, model: SkinnedBody) -> dict[str, Figure]:
    truth = tests.truth
    out: dict[str, Figure] = {}
    kinds = {
        "generator": tests.proposed,
        "noised": noised_truth(truth, 10, 42),
    }
    for kind, hypotheses in kinds.items():
        sets, scores = candidate_sets(truth, hypotheses, model), scorer.score(truth, hypotheses, model)
        out[f"{kind}, SRCC with PVE"] = mean_figure(-spearman(scores.value.numpy(), sets.errors_mm[..., 0].numpy()))
        for part in ("torso", "left_arm", "left_leg", "left_hand", "left_foot"):
            true = sets.displacement_mm[..., list(PARTS[part])].mean(-1)
            out[f"{kind}, SRCC of {part}"] = mean_figure(spearman(scores.part_mm(part).numpy(), true.numpy()))
    odds = score_labels(scorer, tests.labelled, model).gross_probability
    out["gross labels, AUC"] = bootstrap(area_under_curve, odds, tests.gross)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demo", type=Path, required=True, help="folder of a finished `adhmr demo --from_scratch`")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--weights", nargs="*", type=float, default=list(WEIGHTS))
    parser.add_argument("--validation", action="store_true")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    demo, model, found = options.demo, free_body(1200), {}
    config = ScorerConfig(size=read_json(demo / "scorer" / "config.json")["config"]["size"])
    training = budget("quick").scorer
    tests = Tests.for_validation(demo, config.size, model) if options.validation else Tests.of_demo(demo)
    plain = Samples.cat([load_samples(demo / "data" / name) for name in ("source", "rendered")])
    judged = load_samples(demo / "data" / "judged")
    for seed in range(options.seeds):
        noised = noised_truth(judged, 8, seed + 21, small=0.5, gross=0.35)
        own = load_hypotheses(demo / "candidates" / "training.npz")
        sets = CandidateSets.cat(
            [candidate_sets(judged, noised, model, from_generator=False), candidate_sets(judged, own, model)]
        )
        torch.manual_seed(seed)
        first = Scorer(config)
        load_part(demo / "generator-base", "branch", first.branch)
        train_image_branch(first.branch, plain, model, training.branch, TrainingRun(seed))
        for weight in options.weights:
            torch.manual_seed(seed)
            scorer = Scorer(config)
            scorer.load_state_dict(first.state_dict())
            train_ranking(scorer, judged, sets, model, replace(training, part_weight=weight), TrainingRun(seed))
            found[f"weight {weight:g}, seed {seed}"] = row = figures(scorer, tests, model)
            print(
                f"weight {weight:g}, seed {seed}: " + "; ".join(f"{k} {show(v, 3)}" for k, v in row.items()), flush=True
            )
            results: dict[str, Any] = {
                "command": "python -m benchmarks.part_ranking", "code": code_version(), "torch": torch.__version__,
                "machine": f"{torch.get_num_threads()} threads, cpu", "results": found,
            }  # fmt: skip
            write_json(options.out, results)


if __name__ == "__main__":
    main()
