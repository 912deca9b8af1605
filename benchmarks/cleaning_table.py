"""The paper's Table 5 in the synthetic world: regressors trained on all pseudo-labels, and on what cleaning leaves of them.

    python -m benchmarks.cleaning_table --demo adhmr-demo --seeds 3 --out benchmarks/results/cleaning_table.json

Takes a finished demo's scorer. Pseudo-labels of target-like pictures have small errors everywhere, gross ones in a third of the
bodies and bad hands in 30 %. Thresholds come from 400 other labels that somebody checked. Two regressors: integral regression of
24 joints (the image branch by itself), and the OSX-like one with hands; each starts every time from the same weights, an encoder
that knows where things are in studio pictures. Tests are on target-like pictures with exact labels.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from adhmr.figures import Figure, bootstrap, mean_figure, percent_change, show, single
from adhmr.world.domains import SOURCE, TARGET
from adhmr.world.make_expressive import Scene, make_expressive_samples
from adhmr.world.pseudo_hands import HiddenHandTruth, mixed_expressive_labels
from benchmarks.settings import settings
from data_cleaning.config import RepairConfig
from data_cleaning.repair import PosePrior, repair
from data_cleaning.score import score_labels
from data_cleaning.threshold import break_even_threshold
from hmr.body import BodyParams, smpl_of
from hmr.camera import project
from hmr.files import code_version, write_json
from hmr.free_body import free_body_with_hands
from hmr.metrics import body_errors_mm
from hmr.networks.conditions import conditions_of
from hmr.networks.image_branch import ImageBranch
from hmr.part_metrics import expressive_errors_mm
from hmr.samples import Samples
from hmr.skeleton import NUM_JOINTS
from hmr.skeleton_smplx import PART_NAMES
from hmr.training.config import FitConfig
from hmr.training.run import TrainingRun
from hmr.training.train_branch import train_image_branch
from regressors import Regressor, RegressorConfig
from regressors.config import ExpressiveConfig, ExpressiveTraining
from regressors.expressive import ExpressiveRegressor
from regressors.train_expressive import train_expressive, train_places
from scorer import Scorer

KEYPOINT_NOISE_PX_OF_256 = 2.0
MODEL = free_body_with_hands(2500)
LAYOUT = MODEL.smpl


@dataclass(frozen=True)
class Labels:
    """To be cleaned: pictures with pseudo-labels, the hidden truth, and 2D keypoints as a detector gives them (n, 29, 3)."""

    samples: Samples
    truth: HiddenHandTruth
    detected: Tensor

    def bodies(self) -> Samples:
        return replace(self.samples.with_smpl_joints(), keypoints_2d=self.detected)


def make_labels(count: int, size: int, seed: int) -> Labels:
    exact, _ = make_expressive_samples(Scene(TARGET, upper_body=False), count, size, seed, MODEL, f"pseudo-{seed}")
    labelled, truth = mixed_expressive_labels(exact, seed, LAYOUT)
    xy = project(LAYOUT.keypoints(smpl_of(truth.label)), exact.K)
    generator = torch.Generator().manual_seed(seed)
    noisy = xy + KEYPOINT_NOISE_PX_OF_256 * size / 256 * torch.randn(xy.shape, generator=generator)
    seen = torch.cat([exact.keypoints_2d[:, :NUM_JOINTS, 2], torch.ones(count, 5)], 1)[..., None]
    return Labels(labelled, truth, torch.cat([noisy, seen], -1))


def hand_mm(scored) -> np.ndarray:
    """(n, 2): by how much the scorer thinks each hand is off."""
    return np.stack([scored.part_mm("left_hand"), scored.part_mm("right_hand")], 1)


def sets_to_train_on(labels: Labels, checked: Labels, scorer: Scorer, prior: PosePrior) -> dict[str, Samples]:
    """The table's rows; subsets, but for what is repaired first, have as many pictures as the scorer keeps."""
    samples, n = labels.samples, len(labels.samples)
    of_checked = score_labels(scorer, checked.bodies(), LAYOUT)
    max_gross = break_even_threshold(of_checked.gross_probability, checked.truth.gross_body)
    good = ~checked.truth.gross_body
    max_hand = break_even_threshold(hand_mm(of_checked)[good].ravel(), checked.truth.bad_hand[good].ravel())
    scored = score_labels(scorer, labels.bodies(), LAYOUT)
    keep = scored.gross_probability <= max_gross
    count = int(keep.sum())
    off = (project(LAYOUT.keypoints(smpl_of(samples.label)), samples.K) - labels.detected[..., :2]).norm(dim=-1)
    reprojection = ((off * labels.detected[..., 2]).sum(1) / labels.detected[..., 2].sum(1)).numpy()
    random = np.random.default_rng(0).permutation(n)[:count]

    fitted, _ = repair(
        labels.bodies(), scorer, LAYOUT, prior, RepairConfig(keypoint_sigma_share=KEYPOINT_NOISE_PX_OF_256 / 256)
    )
    R = samples.label.R_parent_joint.clone()
    R[:, :21] = fitted.label.R_parent_joint[:, :21]
    repaired = replace(samples, label=BodyParams(
        fitted.label.R_cam_root, R, fitted.label.shape, fitted.label.t_cam_root, samples.label.expression
    ))  # fmt: skip
    after = score_labels(scorer, fitted, LAYOUT)

    known = samples.known_parts().clone()
    known[:, [PART_NAMES.index("left_hand"), PART_NAMES.index("right_hand")]] = torch.from_numpy(
        hand_mm(scored) <= max_hand
    )
    return {
        "all pseudo-labels": samples,
        "random subset": samples[random],
        "least reprojection error": samples[np.argsort(reprojection)[:count]],
        "scorer-cleaned": samples[np.nonzero(keep)[0]],
        "scorer-cleaned, bad hands masked": replace(samples, part_known=known)[np.nonzero(keep)[0]],
        "repaired, nothing dropped": repaired,
        "repaired, then scorer-cleaned": repaired[np.nonzero(after.gross_probability <= max_gross)[0]],
        "true labels": replace(samples, label=labels.truth.label),
    }


class IntegralRegression:
    """The image branch by itself: integral regression and inverse kinematics, 24 joints."""

    name = "integral regression, 24 joints"

    def __init__(self, size: int, source: Samples, start_steps: int, steps: int) -> None:
        self.config, self.training = RegressorConfig(size, body=LAYOUT.family), FitConfig(steps, 64, 5e-3)
        torch.manual_seed(0)
        self.start = ImageBranch(self.config.branch, size)
        train_image_branch(
            self.start, source.with_smpl_joints(), LAYOUT, FitConfig(start_steps, 64, 1e-2), TrainingRun(0)
        )

    def errors(self, train: Samples, test: Samples, seed: int) -> dict[str, np.ndarray]:
        regressor = Regressor(self.config)
        regressor.branch.load_state_dict(self.start.state_dict())
        train_image_branch(regressor.branch, train.with_smpl_joints(), LAYOUT, self.training, TrainingRun(seed))
        seen = conditions_of(regressor.branch, test.with_smpl_joints())
        predicted = regressor.bodies(seen, test.K, LAYOUT)
        found = body_errors_mm(LAYOUT.posed(predicted), LAYOUT.posed(smpl_of(test.label)))
        return {"mpvpe_all": found["pve"].numpy(), "pa_mpvpe_all": found["pa_pve"].numpy()}


class WithHands:
    """A member of the one-stage family."""

    def __init__(self, name: str, config: ExpressiveConfig, start: ExpressiveRegressor, steps: int) -> None:
        self.name, self.config, self.start = name, config, start
        self.training = ExpressiveTraining(bodies=FitConfig(steps, 32, 3e-3))

    def errors(self, train: Samples, test: Samples, seed: int) -> dict[str, np.ndarray]:
        regressor = train_expressive(self.config, train, MODEL, self.training, TrainingRun(seed), self.start)
        predicted = regressor.predict(test, MODEL)[0]
        found = {k: v.numpy() for k, v in expressive_errors_mm(predicted, test.label, MODEL).items()}
        hands = {
            f"{kind}_hand": 0.5 * (found[f"{kind}_left_hand"] + found[f"{kind}_right_hand"])
            for kind in ("mpvpe", "pa_mpvpe")
        }
        return {"mpvpe_all": found["mpvpe_all"], "pa_mpvpe_all": found["pa_mpvpe_all"], **hands}


def gap_closed(row: np.ndarray, everything: np.ndarray, ceiling: np.ndarray) -> np.ndarray:
    """Percent of the way from training on all labels to training on true ones."""
    return 100 * (everything.mean(-1) - row.mean(-1)) / (everything.mean(-1) - ceiling.mean(-1))


def figures_of(
    columns: dict[str, np.ndarray], everything: dict[str, np.ndarray], ceiling: dict[str, np.ndarray] | None
) -> dict[str, Figure]:
    out = {key: mean_figure(column) for key, column in columns.items()}
    out |= {f"{key}_percent": bootstrap(percent_change, column, everything[key]) for key, column in columns.items()}
    if ceiling is not None:
        out |= {
            f"{k}_gap_closed_percent": bootstrap(gap_closed, c, everything[k], ceiling[k]) for k, c in columns.items()
        }
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demo", type=Path, required=True, help="folder of a finished `adhmr demo --from_scratch`")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--pictures", type=int, default=12_000)
    parser.add_argument("--start_steps", type=int, default=1000, help="of the encoders that all rows start from")
    parser.add_argument("--branch_steps", type=int, default=250)
    parser.add_argument("--hands_steps", type=int, default=500)
    parser.add_argument("--data_seed", type=int, default=31, help="of the pictures; other ones for trying things out")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    scorer = Scorer.from_pretrained(options.demo / "scorer")
    size, seed = scorer.crop_size, options.data_seed
    source, _ = make_expressive_samples(Scene(SOURCE, upper_body=False), 3000, size, seed, MODEL, "source")
    labels, checked = (make_labels(n, size, seed + i) for i, n in enumerate((options.pictures, 400), start=1))
    test, _ = make_expressive_samples(Scene(TARGET, upper_body=False), 600, size, seed + 3, MODEL, "test")
    sets = sets_to_train_on(labels, checked, scorer, PosePrior.fit(smpl_of(source.label)))
    plain = ExpressiveConfig(size)
    training = ExpressiveTraining(places=FitConfig(options.start_steps, 32, 1e-2))
    start = train_places(plain, source, MODEL, training, TrainingRun(0))
    regressors = [
        IntegralRegression(size, source, options.start_steps, options.branch_steps),
        WithHands("OSX-like, 55 joints", plain, start, options.hands_steps),
    ]
    columns: dict[str, dict[str, dict[str, np.ndarray]]] = {}
    for name in ("true labels", *[name for name in sets if name != "true labels"]):
        for regressor in regressors:
            per_seed = [regressor.errors(sets[name], test, seed) for seed in range(options.seeds)]
            columns.setdefault(regressor.name, {})[name] = {
                k: np.mean([e[k] for e in per_seed], 0) for k in per_seed[0]
            }
            print(f"{regressor.name} | {name} | {len(sets[name])} | " + " | ".join(
                f"{k} {show(mean_figure(v))}" for k, v in columns[regressor.name][name].items()), flush=True)  # fmt: skip
        if "all pseudo-labels" not in columns[regressors[0].name]:
            continue
        results = {
            regressor: {
                row: {"labels": single(len(sets[row])), **figures_of(c, rows["all pseudo-labels"], rows["true labels"])}
                for row, c in rows.items()
            }
            for regressor, rows in columns.items()
        }
        write_json(options.out, {
            "command": f"python -m benchmarks.cleaning_table --seeds {options.seeds}",
            "code": code_version(), "options": settings(options),
            "seeds": options.seeds, "pictures": options.pictures, "size_px": size,
            "start_steps": options.start_steps, "branch_steps": options.branch_steps, "hands_steps": options.hands_steps,
            "torch": torch.__version__, "machine": f"{torch.get_num_threads()} threads, cpu", "results": results,
        })  # fmt: skip


if __name__ == "__main__":
    main()
