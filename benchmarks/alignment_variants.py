"""How each choice of the alignment recipe moves every figure, one change at a time, on a validation split.

    python -m benchmarks.alignment_variants --demo adhmr-demo --out benchmarks/results/alignment_variants.json

Takes a finished demo's base and scorer; the pictures to align on and those to validate on are made anew, from seeds of their own.
"""

from __future__ import annotations

import argparse
import copy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from adhmr.evaluation import ranking
from adhmr.figures import show
from adhmr.world.domains import DOMAINS
from adhmr.world.make import make_samples
from benchmarks.alignment_tables import Setting, judged, read_setting
from dpo.align import AlignData, align
from dpo.judges import Judge, consensus_judge, pair_maker, random_judge, scorer_judge, truth_judge
from hmr.files import code_version, write_json
from hmr.hypotheses import Hypotheses
from hmr.training.run import TrainingRun


@dataclass(frozen=True)
class Variant:
    """judge: scorer, random, consensus or truth. changes: fields of AlignConfig; lr and steps are the fit's."""

    judge: str = "scorer"
    changes: dict[str, Any] = field(default_factory=dict)


#: What the recipe differed in when this table was first measured; every row starts from there.
THEN: dict[str, Any] = {"pairs_per_picture": 5}

VARIANTS: dict[str, Variant] = {
    "the recipe": Variant(),
    "true errors": Variant("truth"),
    "random pairs": Variant("random"),
    "consensus pairs": Variant("consensus"),
    "winner SFT": Variant(changes={"loss_type": ("sft",)}),
    "score alone (λ 0)": Variant(changes={"diversity": 0.0}),
    "λ 0.8": Variant(changes={"diversity": 0.8}),
    "β 20": Variant(changes={"beta": 20.0}),
    "β 150": Variant(changes={"beta": 150.0}),
    "hinge": Variant(changes={"loss_type": ("hinge",)}),
    "ipo": Variant(changes={"loss_type": ("ipo",)}),
    "robust, 0.1": Variant(changes={"loss_type": ("robust",), "label_smoothing": 0.1}),
    "exo_pair, 0.001": Variant(changes={"loss_type": ("exo_pair",), "label_smoothing": 1e-3}),
    "apo_zero": Variant(changes={"loss_type": ("apo_zero",)}),
    "apo_down": Variant(changes={"loss_type": ("apo_down",)}),
    "kto": Variant(changes={"loss_type": ("kto",)}),
    "sigmoid + 0.1 sft": Variant(changes={"loss_type": ("sigmoid", "sft"), "loss_weights": (1.0, 0.1)}),
    "frozen reference": Variant(changes={"ref_model_mixup_alpha": 0.0}),
    "slow reference (α 0.6)": Variant(changes={"ref_model_mixup_alpha": 0.6}),
    "candidates of the base only": Variant(changes={"refresh_every": 1000, "pictures_per_round": 1250}),
    "min_snr timesteps": Variant(changes={"timestep_weighting": "min_snr"}),
    "late timesteps": Variant(changes={"timestep_weighting": "late"}),
    "M 20": Variant(changes={"candidates": 20}),
    "K 3": Variant(changes={"pairs_per_picture": 3}),
    "K 1": Variant(changes={"pairs_per_picture": 1}),
    "no replay": Variant(changes={"replay_weight": 0.0}),
    "LoRA, rank 4, lr x 8": Variant(changes={"lora_rank": 4, "lr": 8e-4}),
    "lr x 2": Variant(changes={"lr": 2e-4}),
    "steps x 2": Variant(changes={"steps": 600}),
    "K 2": Variant(changes={"pairs_per_picture": 2}),
    "K 2, random pairs": Variant("random", {"pairs_per_picture": 2}),
    "K 2, λ 0.6": Variant(changes={"pairs_per_picture": 2, "diversity": 0.6}),
    "K 3, random pairs": Variant("random", {"pairs_per_picture": 3}),
    "K 1, random pairs": Variant("random", {"pairs_per_picture": 1}),
    "K 1, winner SFT": Variant(changes={"pairs_per_picture": 1, "loss_type": ("sft",)}),
    "K 1, true errors": Variant("truth", {"pairs_per_picture": 1}),
    "K 1, λ 0.8": Variant(changes={"pairs_per_picture": 1, "diversity": 0.8}),
    "K 1, M 20": Variant(changes={"pairs_per_picture": 1, "candidates": 20}),
    "K 1, lr x 2": Variant(changes={"pairs_per_picture": 1, "lr": 2e-4}),
    "K 1, exo_pair": Variant(changes={"pairs_per_picture": 1, "loss_type": ("exo_pair",), "label_smoothing": 1e-3}),
    "K 1, steps x 2": Variant(changes={"pairs_per_picture": 1, "steps": 600}),
}


def judge_of(name: str, setting: Setting, diversity: float) -> Judge:
    if name == "truth":
        return truth_judge(setting.target, setting.model, 1.0)
    if name == "random":
        return random_judge()
    if name == "consensus":
        return consensus_judge(setting.model)
    return scorer_judge(setting.scorer, setting.model, diversity)


def run(setting: Setting, variant: Variant, seed: int):
    changes = {**THEN, **variant.changes}
    fitted = {key: changes.pop(key) for key in ("lr", "steps") if key in changes}
    config = replace(setting.config, fit=replace(setting.config.fit, **fitted), **changes)
    samples, generator = setting.target, copy.deepcopy(setting.base)
    conditions = setting.conditions(samples)
    judge = judge_of(variant.judge, setting, config.diversity)
    maker = pair_maker(samples.unlabelled(), conditions, judge, setting.model, config, "variant")
    data = AlignData(samples.key, conditions, setting.replay)
    return align(generator, data, maker, config, TrainingRun(500 + seed))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demo", type=Path, required=True, help="folder of a finished `adhmr demo --from_scratch`")
    parser.add_argument("--variants", nargs="*", default=list(VARIANTS))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    setting = read_setting(options.demo, 1500, torch.device(options.device))
    size, model = setting.base.config.size, setting.model
    validation = {
        "target": make_samples(DOMAINS["target"], 300, size, 81, model, "validation-target"),
        "source": make_samples(DOMAINS["source"], 200, size, 82, model, "validation-source"),
    }
    base = {d: judged(setting.base, truth, 10, setting) for d, truth in validation.items()}
    truth = validation["target"]
    params = setting.base.sample_bodies(setting.conditions(truth), truth.K, model, 10, 41)
    hypotheses = Hypotheses(truth.key, params, "free-body", "base", 41)
    gap = ranking(hypotheses, truth, setting.scorer.score(truth, hypotheses, model).value, model).figures()
    results: dict[str, Any] = {}
    for name in options.variants:
        tuned = run(setting, VARIANTS[name], 0)
        results[name] = {d: judged(tuned, t, 10, setting).change_percent(base[d]) for d, t in validation.items()}
        target, source = results[name]["target"], results[name]["source"]
        shown = ("selected_pve", "mean_pve", "mean_sample_pve", "energy_score", "spread")
        cells = [show(target[f"{key}_percent"]) for key in shown] + [show(source["energy_score_percent"])]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
        write_json(options.out, {
            "command": "python -m benchmarks.alignment_variants", "code": code_version(), "torch": torch.__version__,
            "machine": f"{torch.get_num_threads()} threads, {options.device}", "seed": 500,
            "base": {d: j.figures() for d, j in base.items()}, "generation_verification_gap": gap, "change": results,
        })  # fmt: skip


if __name__ == "__main__":
    main()
