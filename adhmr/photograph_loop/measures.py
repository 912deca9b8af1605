"""The figures by which generators are compared on the held-out people: one number and its weight a person, whatever the judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from adhmr.figures import Figure, bootstrap
from adhmr.mark_distance import mark_distance
from adhmr.photograph_loop.judged import Judged
from hmr.body import BodyModel, BodyParams
from hmr.fit_to_marks import box_side
from hmr.prompt_points import prompt_points
from hmr.views import Views

#: Marks of lower confidence are a detector's guesses, and judge nobody.
SURE = 0.3
#: Bodies that are told apart; "sample": the mean over all samples.
BODIES = {"chosen": "chosen by score", "mean": "mean of the samples", "sample": "a sample"}


@dataclass(frozen=True)
class Kind:
    """A figure: judge (a key of ``JUDGES``), title, unit, digits, and whether higher is better (None: neither)."""

    judge: str
    title: str
    unit: str
    digits: int
    higher_is_better: bool | None


JUDGES = {
    "human": "humans' keypoints", "held_out_scorer": "the held-out scorer", "told": "the keypoints that were told",
    "scorer": "the scorer that makes the pairs", "spread": "spread of the samples",
}  # fmt: skip


def _kinds() -> dict[str, Kind]:
    out: dict[str, Kind] = {}
    for judge in JUDGES:
        if judge in ("human", "told"):
            for body, name in BODIES.items():
                out[f"{judge}/{body}/distance"] = Kind(judge, f"{name}, distance", "% of size", 2, False)
                out[f"{judge}/{body}/pck_10"] = Kind(judge, f"{name}, PCK@0.1", "%", 1, True)
                out[f"{judge}/{body}/pck_05"] = Kind(judge, f"{name}, PCK@0.05", "%", 1, True)
        elif judge != "spread":
            for body in ("chosen", "sample"):
                out[f"{judge}/{body}/expected_error"] = Kind(judge, f"{BODIES[body]}, expected error", "mm", 1, False)
    out["scorer/sample/reward"] = Kind("scorer", "a sample, reward", "", 1, True)
    out["spread"] = Kind("spread", "mean distance between samples", "mm", 1, None)
    return out


#: All that there may be, in order of what they are worth.
KINDS = _kinds()


@dataclass(frozen=True, eq=False)
class Column:
    """Of n people: what is added up (n,), and of how many it is (n,). The figure is the ratio of the sums."""

    total: np.ndarray
    count: np.ndarray

    @property
    def people(self) -> int:
        return int((self.count > 0).sum())

    @property
    def of_person(self) -> np.ndarray:
        """(n,); NaN of whom nothing is known."""
        return np.where(self.count > 0, self.total / np.maximum(self.count, 1), np.nan)

    def known(self) -> Column:
        """Of those people of whom something is known."""
        return Column(self.total[self.count > 0], self.count[self.count > 0])


def _ratio(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    return total.sum(-1) / count.sum(-1)


def _change(total: np.ndarray, count: np.ndarray, old_total: np.ndarray, old_count: np.ndarray) -> np.ndarray:
    return _ratio(total, count) - _ratio(old_total, old_count)


def level(column: Column) -> Figure:
    """With its 95 % interval by bootstrap over people."""
    known = column.known()
    return bootstrap(_ratio, known.total, known.count)


def change(new: Column, old: Column) -> Figure:
    """New minus old, of the same people."""
    new, old = new.known(), old.known()
    return bootstrap(_change, new.total, new.count, old.total, old.count)


def columns_of(judged: Judged, views: Views, body: BodyModel, human_px: Tensor | None) -> dict[str, Column]:
    """Those of ``KINDS`` that there are. human_px: (n, 24, 3) in the crops' pixels."""
    out: dict[str, Column] = {}
    bodies = judged.bodies()
    for judge, px in (("human", human_px), ("told", None if views.prompts is None else views.prompts.keypoints_px)):
        if px is not None and bool((px[..., 2] >= SURE).any()):
            for name, params in bodies.items():
                out |= _by_marks(f"{judge}/{name}", params, (px, views.K), body)
    for judge, errors in (("held_out_scorer", judged.held_out_error_mm), ("scorer", judged.expected_error_mm)):
        if not bool(errors.isnan().all()):
            out[f"{judge}/chosen/expected_error"] = _means(judged.of_chosen(errors))
            out[f"{judge}/sample/expected_error"] = _means(errors)
    out["scorer/sample/reward"] = _means(judged.reward)
    out["spread"] = _means(judged.spread_mm[:, None])
    return {name: out[name] for name in KINDS if name in out}


def _means(values: Tensor) -> Column:
    """Of (n, k)."""
    return Column(values.double().mean(1).numpy(), np.ones(len(values)))


def _by_marks(name: str, params: BodyParams, at: tuple[Tensor, Tensor], body: BodyModel) -> Mapping[str, Column]:
    """Bodies [n, k] against marks (n, 24, 3) in pixels of cameras (n, 3, 3). A mark that is farther than a person's size counts
    as one size, as one behind the camera does, so that no single one outweighs all others."""
    (n, k), (px, K) = params.batch_shape, at
    sure = torch.where(px[..., 2:] >= SURE, px, 0.0)
    marks, cameras, side = (x.repeat_interleave(k, 0) for x in (sure, K, box_side(sure)))
    points = prompt_points(params, body).reshape(n * k, -1, 3)
    far = mark_distance(points, cameras, marks, side)
    far = torch.where((points[..., 2] <= 0) & ~far.isnan(), 1.0, far.clamp_max(1.0)).reshape(n, k, -1).double()
    known = (~far.isnan()).sum((1, 2)).double().numpy()

    def column(values: Tensor) -> Column:
        return Column(100 * values.nansum((1, 2)).numpy(), known)

    return {
        f"{name}/distance": column(far), f"{name}/pck_10": column((far <= 0.1).double()),
        f"{name}/pck_05": column((far <= 0.05).double()),
    }  # fmt: skip
