"""The paper's Table 1 in the synthetic world: ScoreNet, -P, -2D, the paper's full scorer, and ours; same data and steps.

    python -m benchmarks.scorer_table --demo adhmr-demo --seeds 1 --out benchmarks/results/scorer_table.json

Takes a finished demo's pictures, its base and its base's candidates; trains an encoder for each seed, and all scorers from it
(ScoreNet from the base's image branch, frozen). Tests on the demo's test pictures: noised truths, the base's samples, the
regressor's bodies.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from adhmr.demo.config import budget
from adhmr.figures import Figure, mean_figure
from benchmarks.scorer_variants import VARIANTS, Candidates, Variant
from hmr.camera import bearing
from hmr.files import code_version, read_json, write_json
from hmr.free_body import free_body
from hmr.hypotheses import Hypotheses, load_hypotheses
from hmr.networks.branch_loss import Targets, estimate_loss
from hmr.networks.checkpoint import load_part
from hmr.samples import Samples, load_samples
from hmr.training.batch_random import BatchRandom
from hmr.training.batches import RowNumbers
from hmr.training.config import FitConfig
from hmr.training.fit import fit
from hmr.training.run import TrainingRun
from hmr.training.train_branch import train_image_branch
from hmr.views import matched
from regressors import Regressor
from scorer import Scorer, ScorerConfig
from scorer.candidates import QUALITIES, CandidateSets, candidate_errors_mm, candidate_sets, noised_truth
from scorer.correlation import pearson, spearman
from scorer.ranknet import ranknet_loss
from scorer.train import train_ranking

DOMAINS = {"studio": "source", "wild": "target"}
Score = Callable[[Samples, Hypotheses], Tensor]


def correlations(score: np.ndarray, errors_mm: np.ndarray) -> dict[str, Figure]:
    """score (b, n), errors_mm (b, n, 4), columns QUALITIES: pooled, and within pictures where there are several candidates."""
    out: dict[str, Figure] = {}
    rows = np.random.default_rng(0).integers(len(score), size=(200, len(score)))
    for q, quality in enumerate(QUALITIES):
        error = errors_mm[..., q]
        for name, correlation in (("srcc", spearman), ("plcc", pearson)):
            drawn = [float(-correlation(score[r].ravel(), error[r].ravel())) for r in rows]
            value = float(-correlation(score.ravel(), error.ravel()))
            low, high = np.percentile(drawn, [2.5, 97.5])
            out[f"pooled_{name}_{quality}"] = Figure(
                value=round(value, 4), low=round(float(low), 4), high=round(float(high), 4), n=len(score)
            )
            if score.shape[1] > 1:
                out[f"within_{name}_{quality}"] = mean_figure(-correlation(score, error))
    return out


def train_variant(
    variant: Variant, samples: Samples, sets: CandidateSets, candidates: Candidates, config: FitConfig, seed: int, model
) -> Variant:
    towards, targets = bearing(samples.K, samples.size), Targets.of(samples, model)

    def loss(rows: Tensor, random: BatchRandom) -> tuple[Tensor, dict[str, Tensor]]:
        del random
        picture = sets.picture[rows]
        score, own = variant(samples.rgb[picture].float() / 255, towards[picture], candidates[rows])
        ranked = ranknet_loss(score, sets.errors_mm[rows])
        if not variant.trains_encoder:
            return ranked, {}
        return ranked + 2.0 * estimate_loss(own, targets[picture])[0], {}

    fit(variant, loss, RowNumbers(len(sets)), config, TrainingRun(seed))
    return variant


def test_sets(demo: Path, model) -> dict[str, tuple[Samples, Hypotheses, np.ndarray]]:
    """Name to pictures, candidates and their errors."""
    out = {}
    regressor = Regressor.from_pretrained(demo / "regressor")
    for name, domain in DOMAINS.items():
        truth = load_samples(demo / "data" / f"test-{domain}")
        kinds = {
            "noised truth": noised_truth(truth, 10, 42),
            "generator": load_hypotheses(demo / "evaluation" / f"base-{domain}.npz"),
            "regressor": regressor.propose(truth, model, 1, 0, "regressor"),
        }
        for kind, hypotheses in kinds.items():
            errors = candidate_errors_mm(hypotheses.params, truth.label, model).numpy()
            out[f"{name}, {kind}"] = (truth, hypotheses, errors)
    return out


def run_seed(demo: Path, seed: int, model) -> dict[str, dict[str, dict[str, Figure]]]:
    """Name of a scorer to test set to figures."""
    config = ScorerConfig(size=read_json(demo / "scorer" / "config.json")["config"]["size"])
    training = budget("quick").scorer
    plain = Samples.cat([load_samples(demo / "data" / name) for name in ("source", "rendered")])
    judged = load_samples(demo / "data" / "judged")
    files = [
        (noised_truth(judged, 8, seed + 21, small=0.5, gross=0.35), False),
        (load_hypotheses(demo / "candidates" / "training.npz"), True),
    ]
    sets = CandidateSets.cat([candidate_sets(judged, h, model, from_generator=own) for h, own in files])
    candidates = Candidates.cat([Candidates.of(matched(judged, h.key), h, model) for h, _ in files])
    torch.manual_seed(seed)
    ours = Scorer(config)
    load_part(demo / "generator-base", "branch", ours.branch)
    train_image_branch(ours.branch, plain, model, training.branch, TrainingRun(seed))
    encoder = {k: v.clone() for k, v in ours.branch.state_dict().items()}
    scores: dict[str, Score] = {}
    for name, cls in VARIANTS.items():
        torch.manual_seed(seed)
        variant = cls(config)
        if variant.trains_encoder:
            variant.branch.load_state_dict(encoder)
        else:
            load_part(demo / "generator-base", "branch", variant.branch)
        train_variant(variant, judged, sets, candidates, training.ranking, seed, model)
        print(f"seed {seed}: {name} trained", flush=True)
        scores[name] = lambda s, h, v=variant: v.score(s, Candidates.of(s, h, model))
    train_ranking(ours, judged, sets, model, training, TrainingRun(seed))
    scores["ours"] = lambda s, h: ours.score(s, h, model).value
    tests = test_sets(demo, model)
    return {
        name: {test: correlations(score(s, h).numpy(), e) for test, (s, h, e) in tests.items()}
        for name, score in scores.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demo", type=Path, required=True, help="folder of a finished `adhmr demo --from_scratch`")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    model = free_body(1200)
    results: list[dict[str, Any]] = []
    for seed in range(options.seeds):
        results.append({"seed": seed, "scorers": run_seed(options.demo, seed, model)})
        content = {
            "command": "python -m benchmarks.scorer_table", "threads": torch.get_num_threads(), "torch": torch.__version__,
            "code": code_version(), "seeds": results,
        }  # fmt: skip
        write_json(options.out, content)
        for test in ("studio, noised truth", "wild, noised truth", "wild, generator", "wild, regressor"):
            for name, blocks in results[-1]["scorers"].items():
                block = blocks[test]
                print(
                    f"{test:22s} {name:9s} pooled PLCC {block['pooled_plcc_pve']['value']:.2f} "
                    f"SRCC {block['pooled_srcc_pve']['value']:.2f} "
                    + (f"within SRCC {block['within_srcc_pve']['value']:.2f}" if "within_srcc_pve" in block else ""),
                    flush=True,
                )


if __name__ == "__main__":
    main()
