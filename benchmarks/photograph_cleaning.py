"""Pseudo-labels of photographs, cleaned: are injected errors found, and are the labels that are kept nearer to humans' marks?

    python -m benchmarks.photograph_cleaning --lspet LSPET --work WORK --out benchmarks/results/photograph_cleaning.json

Labels: of each photograph of the pool the mean of ten bodies of the packaged generator, told a detector's marks, fitted to those
marks; the detector's mistakes are in them. A fifth is spoilt on top (wrong limb, left and right flipped, wrong scale, shifted).
Judges: the scorer for photographs, which sees the picture and the same marks; re-projection to the same marks; the detector's
confidence, alone and by the sum of ranks; the scorer in the dark. Two questions: of the labels that a judge likes least, as many
as were spoilt, how many were (precision and recall at break-even), and AUROC; and of the labels that were not spoilt, PCK@0.1 by
humans' marks of the 70 % that it likes best against the others. People count whose detected box overlaps that of the humans'
marks: the others' labels are of somebody else. The pool's humans' marks judge here and teach nothing.
"""

from __future__ import annotations

import argparse
import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import rankdata
from torch import Tensor
from torchvision.ops import box_iou

from adhmr.figures import bootstrap, mean_figure, show
from adhmr.loading import estimator_folder
from adhmr.photographs.given import short_hash
from adhmr.world.pseudo_labels import ERROR_KINDS, mixed_labels
from benchmarks.detected_photographs import DetectedMarks
from benchmarks.marked_photographs import MarkedPeople, off, read_lspet, share
from benchmarks.photograph_pool import detected_people, pool_names, views_of_pool
from diffusion_hmr.generator import Generator
from diffusion_hmr.protocol import load_generator
from hmr.body import BodyModel, BodyParams
from hmr.body_codec import arrays_of_bodies, bodies_of_arrays, read_arrays, write_arrays
from hmr.files import code_version, write_json
from hmr.fit_to_marks import fit_to_marks
from hmr.free_body import free_body
from hmr.hypotheses import Hypotheses
from hmr.prompt_points import prompt_points
from hmr.samples import Samples
from hmr.views import Views
from scorer import Scorer
from scorer.consensus import weighted_mean_body
from scorer.protocol import load_scorer

CANDIDATES, KEPT, SPOILT = 10, 0.7, 0.2
ACROSS, REPROJECTION = "scorer: across the picture", "re-projection to the detector's marks"
CONFIDENCE = "the detector's confidence"
#: Intersection over union of two boxes of one person.
_SAME = 0.3


@dataclass(frozen=True)
class LabelledPool:
    """n people of unlabelled photographs, and what is said of them.

    Attributes:
        name: of the photographs.
        views: crops with a detector's marks.
        marks: the same in the photographs' pixels.
        label: n bodies, some of them spoilt.
        kind: (n,) of ``ERROR_KINDS``: what was done to each.
    """

    name: tuple[str, ...]
    views: Views
    marks: DetectedMarks
    label: BodyParams
    kind: np.ndarray

    @property
    def spoilt(self) -> np.ndarray:
        return self.kind != ERROR_KINDS[0]


def labelled_pool(lspet: Path, work: Path, most: int | None, model: BodyModel, seed: int = 0) -> LabelledPool:
    """Lifted labels are kept in ``work``."""
    base = load_generator(estimator_folder("photo"))
    assert isinstance(base, Generator)
    names, marks = detected_people(pool_names(lspet, most), lspet / "images", work / "pool")
    views = views_of_pool(names, marks, lspet / "images", base.crop_size)
    path = work / f"labels-{short_hash(views.key)}.npz"
    if not path.exists():
        write_arrays(path, arrays_of_bodies(lifted(base, views, model)))
    samples = Samples.of(views, bodies_of_arrays(read_arrays(path), str(path)), "pseudo")
    spoilt, hidden = mixed_labels(samples, seed, model, SPOILT, sigma=0.0)
    return LabelledPool(tuple(names), views, marks, spoilt.label, np.array(hidden.error_kind))


def lifted(base: Generator, views: Views, model: BodyModel) -> BodyParams:
    """[n] the mean of ten bodies that are told the views' marks, fitted to those."""
    assert views.prompts is not None
    drawn = base.propose(views, model, CANDIDATES, 0, "photo").params
    mean = weighted_mean_body(drawn, torch.full(drawn.batch_shape, 1 / CANDIDATES))
    one = mean.reshape_batch(len(views), 1)
    return fit_to_marks(one, views.prompts.keypoints_px, views.K, model)[:, 0]


def humans_marks(lspet: Path, name: tuple[str, ...], marks: DetectedMarks) -> tuple[Tensor, MarkedPeople]:
    """Rows whose person humans marked too, and those people."""
    marked = read_lspet(lspet, "pool")
    place = {name: i for i, name in enumerate(marked.name)}
    rows = torch.tensor([i for i, one in enumerate(name) if one in place])
    of = torch.tensor([place[name[i]] for i in rows.tolist()])
    same = box_iou(marks.box_xyxy[rows], marked.boxes()[of]).diagonal() > _SAME
    rows, of = rows[same], of[same]
    return rows, MarkedPeople(tuple(marked.name[i] for i in of.tolist()), marked.px[of], marked.size_wh[of])


def badness(pool: LabelledPool, model: BodyModel) -> dict[str, np.ndarray]:
    """Of each judge, (n,) each; higher is worse."""
    scorer = load_scorer("photo")
    assert isinstance(scorer, Scorer)
    out: dict[str, np.ndarray] = {}
    hypotheses = Hypotheses(
        pool.views.key, pool.label.reshape_batch(len(pool.views), 1), model.family, "labels", 0
    )  # fmt: skip
    for name, seeing in (("scorer", scorer.branch.eyes), ("scorer in the dark", None)):
        scorer.branch.eyes = seeing
        scores = scorer.score(pool.views, hypotheses, model)
        assert scores.in_plane_mm is not None
        out[f"{name}: gross error"] = scores.gross_probability[:, 0].numpy()
        out[f"{name}: score"] = -scores.value[:, 0].numpy()
        out[f"{name}: displacement"] = scores.displacement_mm[:, 0].mean(-1).numpy()
        out[f"{name}: across the picture"] = scores.in_plane_mm[:, 0].mean(-1).numpy()
    of_marks = MarkedPeople(pool.name, pool.marks.px, pool.views.camera.size_wh)  # the detector's, not humans'
    distance = off(prompt_points(pool.label, model), of_marks)
    out[REPROJECTION] = distance.nanmean(1).numpy()
    out[CONFIDENCE] = -pool.marks.px[..., 2].mean(1).numpy()
    for name in (ACROSS, REPROJECTION):
        out[f"{name}, and {CONFIDENCE}"] = rankdata(out[name]) + rankdata(out[CONFIDENCE])
    return out


def found(bad: np.ndarray, pool: LabelledPool) -> dict[str, Any]:
    """How well a judge finds what was spoilt: precision is recall where as many are dropped as were spoilt."""
    worst = np.argsort(-bad, kind="stable")[: pool.spoilt.sum()]
    dropped = np.zeros(len(bad), bool)
    dropped[worst] = True
    rows: dict[str, Any] = {
        "precision and recall": mean_figure(pool.spoilt[worst].astype(float)),
        "auroc": bootstrap(auroc, pool.spoilt.astype(float), bad),
    }
    for kind in ERROR_KINDS[1:]:
        rows[f"recall, {kind}"] = mean_figure(dropped[pool.kind == kind].astype(float))
    return rows


def auroc(truth: np.ndarray, value: np.ndarray) -> np.ndarray:
    """(..., n) each: how often something true is above something that is not (Mann and Whitney 1947)."""
    true = truth.sum(-1)
    above = (rankdata(value, axis=-1) * truth).sum(-1) - true * (true + 1) / 2
    return above / (true * (truth.shape[-1] - true))


def kept_and_dropped(bad: np.ndarray, hits: np.ndarray, of: np.ndarray) -> dict[str, Any]:
    """PCK of the labels that a judge likes best and of the others, and the points between, (n,) each."""
    order = np.argsort(bad, kind="stable")
    kept = np.zeros(len(bad), bool)
    kept[order[: round(KEPT * len(bad))]] = True

    def points(kept: np.ndarray, hits: np.ndarray, of: np.ndarray) -> np.ndarray:
        return share(hits * kept, of * kept) - share(hits * (1 - kept), of * (1 - kept))

    return {
        "kept": bootstrap(share, hits[kept], of[kept]),
        "dropped": bootstrap(share, hits[~kept], of[~kept]),
        "points apart": bootstrap(points, kept.astype(float), hits, of),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lspet", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--photographs", type=int, help="of the pool")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    model = free_body(1200)
    pool = labelled_pool(args.lspet, args.work, args.photographs, model)
    judges = badness(pool, model)
    rows, people = humans_marks(args.lspet, pool.name, pool.marks)
    good = ~pool.spoilt[rows.numpy()]
    distance = off(prompt_points(pool.label[rows], model), people).numpy()[good]
    known = ~np.isnan(distance)
    hits, of = ((distance <= 0.1) & known).sum(1).astype(float), known.sum(1).astype(float)
    content: dict[str, Any] = {
        "command": " ".join(["python -m benchmarks.photograph_cleaning", *sys.argv[1:]]), "code": code_version(), "seed": 0,
        "machine": {"processor": platform.processor() or platform.machine(), "threads": torch.get_num_threads()},
        "labels": len(pool.views), "spoilt": int(pool.spoilt.sum()), "people with humans' marks": len(hits),
        "pck of all": bootstrap(share, hits, of), "judges": {},
    }  # fmt: skip
    print("all", show(content["pck of all"]), len(hits))
    for name, bad in judges.items():
        told = found(bad, pool) | kept_and_dropped(bad[rows.numpy()][good], hits, of)
        content["judges"][name] = told
        print(f"{name:40s}", *(f"{what} {show(figure, 2)};" for what, figure in told.items()), flush=True)
    write_json(args.out, content)


if __name__ == "__main__":
    main()
