"""Evaluation as one function for all generators: every figure that contraction could game stands beside one it cannot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from adhmr.figures import Figure, bootstrap, mean, mean_figure, percent_change
from diffusion_hmr.protocol import PictureGenerator, is_generator
from hmr.body import BodyModel, BodyParams, check_body
from hmr.estimator import Estimator
from hmr.hypotheses import Hypotheses
from hmr.metrics import energy_score_mm, errors_of_hypotheses_mm, medoid_distance_mm, spread_mm
from hmr.networks.conditions import PictureRows, conditions_of
from hmr.samples import Samples
from hmr.skeleton import PARTS
from hmr.views import Views
from scorer.consensus import score_weights, weighted_mean_body
from scorer.correlation import partial_correlation, pearson, spearman
from scorer.protocol import AnyScorer
from scorer.scores import Scores

MEASURES = ("pve", "mpjpe", "pa_pve", "pa_mpjpe")
PROTOCOL = (
    "24 SMPL joints of the free body (1,200 vertices), aligned at the pelvis joint, true crop and camera intrinsics, shape "
    "and depth predicted; PA: similarity without reflection; 95 % intervals: bootstrap over pictures"
)


@dataclass(frozen=True)
class Judged:
    """Per picture, (b,) each, millimetres: what the figures are averages of. Keys as in metrics.json, without ``_mm``."""

    columns: dict[str, np.ndarray]

    def figures(self) -> dict[str, Figure]:
        """The block ``generators.{name}.{domain}`` of metrics.json."""
        out = {f"{key}_mm": mean_figure(column) for key, column in self.columns.items()}
        mean_selected_min = (self.columns[f"{key}_pve"] for key in ("mean", "selected", "min"))
        out["recovered_fraction"] = bootstrap(recovered, *mean_selected_min)
        return out

    def change_percent(self, base: Judged) -> dict[str, Figure]:
        """Paired change against another generator on the same pictures, in percent of the base."""
        return {
            f"{key}_percent": bootstrap(percent_change, column, base.columns[key])
            for key, column in self.columns.items()
            if base.columns[key].any()
        }


def average(repeated: list[Judged]) -> Judged:
    """Mean over finetuning seeds, picture by picture."""
    keys = repeated[0].columns
    return Judged({key: np.mean([j.columns[key] for j in repeated], axis=0) for key in keys})


def recovered(mean_error: np.ndarray, selected: np.ndarray, minimum: np.ndarray) -> np.ndarray:
    """(mean - selected) / (mean - min): what choosing by score gives of what it could."""
    return (mean(mean_error) - mean(selected)) / np.maximum(mean(mean_error) - mean(minimum), 1e-9)


def judge(
    hypotheses: Hypotheses, zero_noise: BodyParams | None, truth: Samples, score: Tensor, model: BodyModel
) -> Judged:
    """hypotheses [b, n] of the pictures of ``truth``; zero_noise: [b, 1] the deterministic samples (a regressor has none);
    score (b, n): higher is better."""
    errors = errors_of_hypotheses_mm(hypotheses.params, truth.label, model)
    best = score.argmax(1, keepdim=True)
    columns: dict[str, Tensor] = {}
    one_of_many = weighted_mean_body(hypotheses.params, score_weights(score)).reshape_batch(len(score), 1)
    weighted = errors_of_hypotheses_mm(one_of_many, truth.label, model)
    zero = errors if zero_noise is None else errors_of_hypotheses_mm(zero_noise, truth.label, model)
    for measure in MEASURES:
        e = errors[measure]
        columns[f"selected_{measure}"] = e.gather(1, best)[:, 0]
        columns[f"mean_{measure}"] = e.mean(1)
        columns[f"min_{measure}"] = e.amin(1)
        columns[f"zero_noise_{measure}"] = zero[measure].mean(1)
        columns[f"mean_sample_{measure}"] = errors[f"mean_sample_{measure}"]
        columns[f"weighted_mean_{measure}"] = weighted[measure][:, 0]
    columns["energy_score"] = energy_score_mm(errors["pve"], errors["pairwise"])
    columns["spread"] = spread_mm(errors["pairwise"])
    return Judged({k: v.numpy().astype(np.float64) for k, v in columns.items()})


@dataclass(frozen=True)
class Ranking:
    """Scores against errors for b pictures with n candidates: both (b, n), and the medoid distances."""

    score: np.ndarray
    error_mm: dict[str, np.ndarray]
    medoid_mm: np.ndarray

    def figures(self) -> dict[str, Figure]:
        """The block ``scorer.{kind}`` of metrics.json: positive means that higher scores have lower errors."""
        out: dict[str, Figure] = {}
        for measure in ("pve", "mpjpe"):
            error = self.error_mm[measure]
            for name, correlation in (("srcc", spearman), ("plcc", pearson)):
                out[f"within_{name}_{measure}"] = mean_figure(-correlation(self.score, error))

                def pooled(score: np.ndarray, e: np.ndarray, correlation=correlation) -> np.ndarray:
                    return -correlation(score.reshape(*score.shape[:-2], -1), e.reshape(*e.shape[:-2], -1))

                out[f"pooled_{name}_{measure}"] = _pooled(pooled, self.score, error)
        medoid = spearman(self.medoid_mm, self.error_mm["pve"])
        own = -spearman(self.score, self.error_mm["pve"])
        both = -spearman(self.score, self.medoid_mm)
        out["medoid_within_srcc_pve"] = mean_figure(medoid)
        out["partial_within_srcc_pve"] = mean_figure(partial_correlation(own, medoid, both))
        return out


def _pooled(statistic, score: np.ndarray, error: np.ndarray, resamples: int = 200) -> Figure:
    """A correlation over all candidates of all pictures; whole pictures are resampled."""
    rng = np.random.default_rng(0)
    n = len(score)
    values = [float(statistic(score[rows], error[rows])) for rows in rng.integers(n, size=(resamples, n))]
    low, high = np.percentile(values, [2.5, 97.5])
    return Figure(
        value=round(float(statistic(score, error)), 4), low=round(float(low), 4), high=round(float(high), 4), n=n
    )


def calibration_bins(expected_mm: np.ndarray, error_mm: np.ndarray, bins: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """Mean expected and mean true error of candidates (any shape) in ``bins`` groups of like expectation: (bins,) each."""
    order = np.argsort(expected_mm.ravel())
    groups = np.array_split(order, bins)
    return (
        np.array([expected_mm.ravel()[g].mean() for g in groups]),
        np.array([error_mm.ravel()[g].mean() for g in groups]),
    )


def calibration_figures(scores: Scores, error_mm: np.ndarray) -> dict[str, Figure]:
    """error_percent: mean distance of expected and true error over ten bins, in percent of the mean error. coverage: share of
    the true errors in the 90 % interval. error_mm (b, n) PVE; whole pictures are resampled."""
    expected = scores.expected_error_mm.numpy()
    low, high = (bound.numpy() for bound in scores.interval_mm)

    def distance(e: np.ndarray, t: np.ndarray) -> float:
        a, b = calibration_bins(e, t)
        return 100 * float(np.abs(a - b).mean() / t.mean())

    return {
        "error_percent": _pooled(distance, expected, error_mm),
        "coverage": mean_figure(((error_mm >= low) & (error_mm <= high)).mean(1)),
    }


def ranking(hypotheses: Hypotheses, truth: Samples, score: Tensor, model: BodyModel) -> Ranking:
    errors = errors_of_hypotheses_mm(hypotheses.params, truth.label, model)
    return Ranking(
        score=score.numpy(),
        error_mm={m: errors[m].numpy() for m in MEASURES},
        medoid_mm=medoid_distance_mm(errors["pairwise"]).numpy(),
    )


def part_figures(scores: Scores, displacement_mm: np.ndarray) -> dict[str, Figure]:
    """For each part of the body the mean rank correlation, within pictures, of how far it seems off and how far it is;
    displacement_mm (b, n, 29) is the truth."""
    out = {}
    for part, keypoints in PARTS.items():
        true = displacement_mm[..., list(keypoints)].mean(-1)
        out[part] = mean_figure(spearman(scores.part_mm(part).numpy(), true))
    return out


def base_figures(params: BodyParams, regressor: BodyParams, truth: Samples, model: BodyModel) -> dict[str, Figure]:
    """Is a generator sound? params [b, n] with large n, regressor [b]: the deterministic opponent's bodies.

    A calibrated sampler's spread equals its mean error, and the truth's mean distance to the samples ranks uniformly among the
    samples' own (mean rank 1/2).
    """
    errors = errors_of_hypotheses_mm(params, truth.label, model, chunk=16)
    opponent = errors_of_hypotheses_mm(regressor.reshape_batch(len(truth), 1), truth.label, model)["pve"][:, 0].numpy()
    own, error = errors["mean_sample_pve"].numpy(), errors["pve"].mean(1)
    spread = spread_mm(errors["pairwise"])
    rank = (medoid_distance_mm(errors["pairwise"]) < error[:, None]).float().mean(1)
    n = params.batch_shape[1]
    return {
        f"mean_sample_of_{n}_pve_mm": mean_figure(own),
        "regressor_pve_mm": mean_figure(opponent),
        "mean_sample_against_regressor_percent": bootstrap(percent_change, own, opponent),
        "spread_over_mean_error": bootstrap(lambda a, b: mean(a) / mean(b), spread.numpy(), error.numpy()),
        "truth_rank": mean_figure(rank.numpy()),
    }


def binary_figures(kept: np.ndarray, gross: np.ndarray) -> dict[str, Figure]:
    """Precision and recall of *dropping* gross errors, and the share that is kept; (n,) booleans."""
    dropped = ~kept

    def ratio(hit: np.ndarray, of: np.ndarray) -> np.ndarray:
        return hit.sum(-1) / np.maximum(of.sum(-1), 1)

    return {
        "precision": bootstrap(ratio, dropped & gross, dropped),
        "recall": bootstrap(ratio, dropped & gross, gross),
        "kept": bootstrap(mean, kept.astype(float)),
    }


@dataclass(frozen=True)
class Sampling:
    """candidates: M. seed: of the sampling."""

    candidates: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        if self.candidates < 1:
            raise ValueError(f"expected at least one candidate a picture, got {self.candidates}")


def evaluate(
    estimator: Estimator, samples: Samples, body: BodyModel, scorer: AnyScorer, sampling: Sampling, source: str
) -> tuple[Judged, Hypotheses]:
    """A generator or a regressor on labelled pictures: its figures, and the candidates that they are of.

    Raises ValueError for pictures of another size, or another body.
    """
    estimator.check_size(samples)
    zero = None
    if is_generator(estimator):
        conditions = conditions_of(estimator.branch, samples)
        hypotheses, zero = sampled(estimator, conditions, samples, body, sampling, source)
    else:
        hypotheses = estimator.propose(samples, body, sampling.candidates, sampling.seed, source)
    return judge(hypotheses, zero, samples, scorer.score(samples, hypotheses, body).value, body), hypotheses


def sampled(
    generator: PictureGenerator[Any],
    conditions: PictureRows,
    views: Views,
    body: BodyModel,
    sampling: Sampling,
    source: str,
) -> tuple[Hypotheses, BodyParams]:
    """Candidates [b, n], and the deterministic samples [b, 1], of pictures whose conditions are known."""
    check_body("generator", generator.config.body, body)
    params = generator.sample_bodies(conditions, views.K, body, sampling.candidates, sampling.seed)
    zero = generator.sample_bodies(conditions, views.K, body, 1, sampling.seed, zero_noise=True)
    return Hypotheses(views.key, params, body.family, source, sampling.seed), zero


def compare(judged: dict[str, Judged]) -> dict[str, dict[str, dict[str, Figure]]]:
    """The figures of each, and the paired change of the others against the first."""
    base = next(iter(judged.values()))
    return {
        "generators": {name: j.figures() for name, j in judged.items()},
        "change": {name: j.change_percent(base) for name, j in judged.items() if j is not base},
    }
