"""The paper's Tables 2, 3 and 4 in the synthetic world: what finetuning does to the best of M, and to what best-of-M hides.

    python -m benchmarks.alignment_tables --demo adhmr-demo --seeds 3 --out benchmarks/results/alignment_tables.json

Takes a finished demo's base, scorer and pictures. Every row is finetuned from the same base for as many steps; tests on its
test pictures of the shifted domain with M = 10, on the first of them with M = 10, 100 and 200. --size small fits 2 cores (under
an hour), large a GPU.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from adhmr.demo.config import budget
from adhmr.evaluation import Judged, average, judge
from adhmr.figures import Figure, show
from adhmr.world.domains import DOMAINS
from adhmr.world.make import make_samples
from adhmr.world.pseudo_labels import Bias, biased_labels
from benchmarks.finetuned import on_labels, on_pairs
from diffusion_hmr import Generator
from dpo.align import AlignData, Replay
from dpo.config import AlignConfig
from dpo.judges import Judge, consensus_judge, pair_maker, random_judge, scorer_judge, truth_judge
from hmr.files import code_version, write_json
from hmr.free_body import free_body
from hmr.hypotheses import Hypotheses
from hmr.metrics import pelvis_aligned, point_error_mm
from hmr.networks.branch_loss import Targets
from hmr.networks.conditions import Conditions, conditions_of
from hmr.samples import Samples, load_samples
from hmr.skinned_body import SkinnedBody
from hmr.training.train_branch import split_rows
from scorer import Scorer
from scorer.consensus import score_weights, weighted_mean_body

#: M of the nested sets; all other figures are of ten candidates.
MANY = (10, 100, 200)


@dataclass(frozen=True)
class Setting:
    """A finished demo: base, scorer, and pictures with the base's conditions. target has its truth here, which only the rows that
    say so look at; wild: other unlabelled pictures, half of them ambiguous."""

    base: Generator
    scorer: Scorer
    model: SkinnedBody
    target: Samples
    wild: Samples
    exact: Samples
    replay: Replay
    config: AlignConfig
    device: torch.device

    def conditions(self, samples: Samples) -> Conditions:
        return conditions_of(self.base.branch, samples)


def read_setting(demo: Path, pictures: int, device: torch.device) -> Setting:
    model = free_body(1200)
    base = Generator.from_pretrained(demo / "generator-base").to(device)
    size = base.config.size
    source = load_samples(demo / "data" / "source")
    both = len(source) + len(load_samples(demo / "data" / "wild"))
    held_back = split_rows(both, budget("quick").generator.branch_share, 0)[1]
    seen = source[held_back[held_back < len(source)]]
    half = pictures // 2
    wild = [
        make_samples(DOMAINS[d], half, size, seed, model, d) for d, seed in (("target", 71), ("target_ambiguous", 72))
    ]
    return Setting(
        base=base,
        scorer=Scorer.from_pretrained(demo / "scorer").to(device),
        model=model,
        target=make_samples(DOMAINS["target"], pictures, size, 70, model, "aligned-on"),
        wild=Samples.cat(wild),
        exact=load_samples(demo / "data" / "judged"),
        replay=Replay(conditions_of(base.branch, seen), Targets.of(seen, model).state),
        config=AlignConfig(),
        device=device,
    )


def preferences(pictures: str, judge_of: Callable[[Setting], Judge], loss: str = "sigmoid"):
    """A row that is finetuned on pairs of one set of pictures."""

    def run(setting: Setting, seed: int) -> Generator:
        samples: Samples = getattr(setting, pictures)
        conditions = setting.conditions(samples)
        config = replace(setting.config, loss_type=(loss,))
        maker = pair_maker(samples.unlabelled(), conditions, judge_of(setting), setting.model, config, "table")
        data = AlignData(samples.key, conditions, setting.replay)
        return on_pairs(setting.base, data, maker, config, seed)

    return run


def supervised(labels_of: Callable[[Setting], Samples]):
    """A row that is finetuned on labels by the base's own training error, with the same replay."""

    def run(setting: Setting, seed: int) -> Generator:
        labelled = labels_of(setting)
        data = Replay(setting.conditions(labelled), Targets.of(labelled, setting.model).state)
        return on_labels(setting.base, data, setting.replay, setting.config, seed)

    return run


ROWS: dict[str, Callable[[Setting, int], Generator]] = {
    "SFT, true labels": supervised(lambda s: s.target),
    "SFT, pseudo-labels": supervised(lambda s: biased_labels(s.target, 73, Bias())),
    "SFT, the scorer's training pictures": supervised(lambda s: s.exact),
    "SFT on winners": preferences("target", lambda s: scorer_judge(s.scorer, s.model, s.config.diversity), "sft"),
    "aligned": preferences("target", lambda s: scorer_judge(s.scorer, s.model, s.config.diversity)),
    "aligned, score alone": preferences("target", lambda s: scorer_judge(s.scorer, s.model, 0.0)),
    "aligned on wild pictures": preferences("wild", lambda s: scorer_judge(s.scorer, s.model, s.config.diversity)),
    "random pairs": preferences("target", lambda s: random_judge()),
    "consensus pairs": preferences("target", lambda s: consensus_judge(s.model)),
    "true-error pairs": preferences("target", lambda s: truth_judge(s.target, s.model, 1.0)),
}


def judged(generator: Generator, truth: Samples, candidates: int, setting: Setting) -> Judged:
    """All figures of a few candidates."""
    conditions = setting.conditions(truth)
    params = generator.sample_bodies(conditions, truth.K, setting.model, candidates, 41)
    hypotheses = Hypotheses(truth.key, params, "free-body", "table", 41)
    score = setting.scorer.score(truth, hypotheses, setting.model).value
    return judge(hypotheses, None, truth, score, setting.model)


def best_of_many(generator: Generator, truth: Samples, setting: Setting) -> dict[int, Judged]:
    """Min, selected and mean PVE, and that of the mean sample's vertices, of the first M of many candidates."""
    params = generator.sample_bodies(setting.conditions(truth), truth.K, setting.model, max(MANY), 43)
    score = setting.scorer.score(truth, Hypotheses(truth.key, params, "free-body", "table", 43), setting.model).value
    columns: dict[int, dict[str, list[float]]] = {m: {} for m in MANY}
    for i in range(len(truth)):
        vertices, _ = pelvis_aligned(setting.model.posed(params[i]))
        true, _ = pelvis_aligned(setting.model.posed(truth.label[i]))
        error = point_error_mm(vertices, true)
        for m in MANY:
            one = weighted_mean_body(params[i : i + 1, :m], score_weights(score[i : i + 1, :m]))[0]
            row = {
                "weighted_mean_pve": point_error_mm(pelvis_aligned(setting.model.posed(one))[0], true),
                "min_pve": error[:m].min(),
                "selected_pve": error[score[i, :m].argmax()],
                "mean_pve": error[:m].mean(),
                "mean_sample_pve": point_error_mm(vertices[:m].mean(0), true),
            }
            for key, value in row.items():
                columns[m].setdefault(key, []).append(float(value))
    return {m: Judged({key: np.array(values) for key, values in by.items()}) for m, by in columns.items()}


def all_judged(generators: list[Generator], demo: Path, pictures: int, setting: Setting) -> dict[str, Judged]:
    """Test set to figures, averaged over the generators; "target, M = 100" is of the first ``pictures`` of the target."""
    target, source = (load_samples(demo / "data" / f"test-{d}") for d in ("target", "source"))
    out = {"target": [judged(g, target, 10, setting) for g in generators]}
    out["source"] = [judged(g, source, 10, setting) for g in generators]
    for generator in generators:
        for m, of_many in best_of_many(generator, target[:pictures], setting).items():
            out.setdefault(f"target, M = {m}", []).append(of_many)
    return {name: average(repeated) for name, repeated in out.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demo", type=Path, required=True, help="folder of a finished `adhmr demo --from_scratch`")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--size", choices=("small", "large"), default="small")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rows", nargs="*", default=list(ROWS))
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    began, small = time.monotonic(), options.size == "small"
    setting = read_setting(options.demo, 1500 if small else 6000, torch.device(options.device))
    pictures = 80 if small else 400
    base = all_judged([setting.base], options.demo, pictures, setting)
    figures = {"base": {test: j.figures() for test, j in base.items()}}
    changes: dict[str, dict[str, dict[str, Figure]]] = {}
    for name in options.rows:
        generators = [ROWS[name](setting, seed) for seed in range(options.seeds)]
        tuned = all_judged(generators, options.demo, pictures, setting)
        figures[name] = {test: j.figures() for test, j in tuned.items()}
        changes[name] = {test: j.change_percent(base[test]) for test, j in tuned.items()}
        shown = ("selected_pve", "weighted_mean_pve", "mean_sample_pve", "energy_score", "spread")
        cells = [f"{key} {show(changes[name]['target'][f'{key}_percent'])}" for key in shown]
        print(f"{name:36s} " + "  ".join(cells), flush=True)
        write_json(options.out, {
            "command": f"python -m benchmarks.alignment_tables --size {options.size} --seeds {options.seeds}",
            "machine": f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads, {options.device}",
            "torch": torch.__version__, "code": code_version(), "seconds": round(time.monotonic() - began),
            "generators": figures, "change": changes,
        })  # fmt: skip


if __name__ == "__main__":
    main()
