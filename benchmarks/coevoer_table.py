"""CoEvoer's ablation (its Table 4) in the synthetic world, with the control that tells information from capacity.

    python -m benchmarks.coevoer_table --seeds 3 --out benchmarks/results/coevoer_table.json

Upper-body pictures with clutter, hands that follow the arms, a third of them hidden by something. Every row is the same encoder,
part boxes and heads, trained on the same pictures for the same steps, from an encoder that has learnt where joints and parts are
(not what hands do; OSX starts from a pose estimator's weights). In a second world hands are another picture's: no arm tells
what they do, and what the enhancer gains there is not information. Two bounds stand beside the rows, on exact arms: fingers in
their mean pose, and the fingers of the training picture whose arms are nearest.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import roma
import torch

from adhmr.figures import Figure, bootstrap, mean_figure, percent_change, show
from adhmr.world.domains import RENDERED
from adhmr.world.make_expressive import Scene, make_expressive_samples
from benchmarks.settings import settings
from hmr.files import code_version, write_json
from hmr.free_body import free_body_with_hands
from hmr.part_metrics import expressive_errors_mm, finger_variance
from hmr.samples import Samples
from hmr.skeleton_smplx import SMPLX
from hmr.training.config import FitConfig
from hmr.training.run import TrainingRun
from regressors.config import CoEvoerConfig, ExpressiveConfig, ExpressiveTraining
from regressors.expressive import ExpressiveRegressor
from regressors.train_expressive import train_expressive, train_places

SCENE = Scene(domain=RENDERED, hidden_hands=0.33)
ROWS: dict[str, CoEvoerConfig | None] = {
    "CoEvoer": CoEvoerConfig(),
    "without the enhancer (self-attention over concatenated parts)": CoEvoerConfig(exchange="self_attention"),
    "without the enhancer (parts apart, as many parameters)": CoEvoerConfig(exchange="apart"),
    "without foreground extraction": CoEvoerConfig(foreground=False),
    "OSX-like baseline": None,
}
CONTROL = ("CoEvoer", "without the enhancer (parts apart, as many parameters)")


def columns(regressor: ExpressiveRegressor, test: Samples, hidden: np.ndarray) -> dict[str, np.ndarray]:
    """(n,) each; a picture without a hidden hand has no error of hidden hands (NaN)."""
    model = free_body_with_hands(2500)
    predicted = regressor.predict(test, model)[0]
    errors = {k: v.numpy() for k, v in expressive_errors_mm(predicted, test.label, model).items()}
    out = {}
    for kind in ("mpvpe", "pa_mpvpe"):
        hands = np.stack([errors[f"{kind}_left_hand"], errors[f"{kind}_right_hand"]], 1)
        out[f"{kind}_all"], out[f"{kind}_face"] = errors[f"{kind}_all"], errors[f"{kind}_face"]
        out[f"{kind}_hand"] = hands.mean(1)
        with np.errstate(invalid="ignore"):
            out[f"{kind}_hidden_hand"] = np.where(hidden, hands, 0).sum(1) / hidden.sum(1)
            out[f"{kind}_seen_hand"] = np.where(hidden, 0, hands).sum(1) / (~hidden).sum(1)
    variance = float(finger_variance(predicted) / finger_variance(test.label))
    out["finger_variance_share"] = np.full(len(test), variance)
    return out


def bounds(train: Samples, test: Samples) -> dict[str, dict[str, Figure]]:
    """Errors of hands on exact arms whose fingers are in their mean pose, or those of the picture with the nearest arms."""
    first, wrists = SMPLX.joint_names.index("left_index1") - 1, SMPLX.joint_names.index("left_wrist") - 1
    arms, arms_of_test = (s.label.R_parent_joint[:, :wrists].flatten(1) for s in (train, test))
    fingers = train.label.R_parent_joint[:, first:]
    guesses = {
        "exact arms, mean fingers": roma.special_procrustes(fingers.mean(0)).expand(len(test), -1, -1, -1),
        "exact arms, fingers of the nearest arms": fingers[torch.cdist(arms_of_test, arms).argmin(1)],
    }
    out = {}
    for name, guess in guesses.items():
        R = torch.cat([test.label.R_parent_joint[:, :first], guess], 1)
        found = expressive_errors_mm(replace(test.label, R_parent_joint=R), test.label, free_body_with_hands(2500))
        out[name] = {
            f"{kind}_hand": mean_figure((0.5 * (found[f"{kind}_left_hand"] + found[f"{kind}_right_hand"])).numpy())
            for kind in ("mpvpe", "pa_mpvpe")
        }
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--pictures", type=int, default=12_000)
    parser.add_argument("--steps", type=int, default=700)
    parser.add_argument("--places_steps", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--data_seed", type=int, default=11, help="of the pictures; other ones for trying things out")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    model = free_body_with_hands(2500)
    training = ExpressiveTraining(
        places=FitConfig(options.places_steps, options.batch, 1e-2),
        bodies=FitConfig(options.steps, options.batch, options.lr),
    )
    starts: list[ExpressiveRegressor] = []
    worlds = {"hands follow arms": SCENE, "hands independent of arms": replace(SCENE, hands_follow=False)}
    results: dict[str, dict[str, dict[str, Figure]]] = {}
    for world, scene in worlds.items():
        train, _ = make_expressive_samples(scene, options.pictures, options.size, options.data_seed, model, "train")
        for seed in range(options.seeds if not starts else 0):
            starts.append(train_places(ExpressiveConfig(options.size), train, model, training, TrainingRun(seed)))
        test, hidden = make_expressive_samples(scene, 600, options.size, options.data_seed + 1, model, "test")
        rows = ROWS if world == "hands follow arms" else {name: ROWS[name] for name in CONTROL}
        kept: dict[str, dict[str, np.ndarray]] = {}
        results[world] = bounds(train, test)
        for name, between in rows.items():
            per_seed, parameters = [], 0
            for seed in range(options.seeds):
                config = ExpressiveConfig(options.size, between=between)
                regressor = train_expressive(config, train, model, training, TrainingRun(seed), starts[seed])
                parameters = sum(p.numel() for p in regressor.parameters())
                per_seed.append(columns(regressor, test, hidden))
            kept[name] = {key: np.mean([each[key] for each in per_seed], 0) for key in per_seed[0]}
            full = kept["CoEvoer"]
            figures = {key: mean_figure(column) for key, column in kept[name].items()}
            figures |= {
                f"{key}_coevoer_percent": bootstrap(percent_change, full[key], column)
                for key, column in kept[name].items() if name != "CoEvoer"
            }  # fmt: skip
            figures["parameters"] = Figure(value=parameters, low=parameters, high=parameters, n=1)
            results[world][name] = figures
            print(f"{world} | {name} | " + " | ".join(
                f"{key} {show(figures[key])}" for key in ("mpvpe_all", "mpvpe_hand", "mpvpe_hidden_hand", "mpvpe_face",
                                                          "pa_mpvpe_hand", "finger_variance_share")), flush=True)  # fmt: skip
            write_json(options.out, {
                "command": f"python -m benchmarks.coevoer_table --seeds {options.seeds}",
                "code": code_version(), "options": settings(options),
                "seeds": options.seeds, "pictures": options.pictures, "size_px": options.size, "steps": options.steps,
                "places_steps": options.places_steps,
                "batch": options.batch, "lr": options.lr, "torch": torch.__version__,
                "machine": f"{torch.get_num_threads()} threads, cpu", "results": results,
            })  # fmt: skip


if __name__ == "__main__":
    main()
