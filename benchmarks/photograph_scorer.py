"""Does a scorer for photographs order candidates as humans' marks would? It sees a detector's marks only.

    python -m benchmarks.photograph_scorer --lspet LSPET --split test --most 200 --out benchmarks/results/photograph_scorer.json

Candidates are the packaged generator's, told the detector's marks: as they are drawn (what alignment ranks), and fitted to the
marks (what predict ranks). The judge is their mean re-projection error to twelve joints that humans marked, in sides of the
marks' box. Rows: SRCC within each picture, and the error and PCK@0.1 of the candidate that is chosen. Beside the scorer stand
judges that need none: the distance to the detector's own marks (plain, and weighted by its confidence), the medoid, and the
scorer in the dark (without a picture).
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
from torch import Tensor

from adhmr.figures import Figure, bootstrap, mean, mean_figure, show
from benchmarks.detected_photographs import DetectedMarks, detected_marks, pictured
from benchmarks.marked_photographs import MarkedPeople, limbs, read_lspet
from diffusion_hmr import Generator
from hmr.body import BodyModel, BodyParams
from hmr.camera import default_K, project
from hmr.files import code_version, write_json
from hmr.fit_to_marks import fit_to_marks
from hmr.free_body import free_body
from hmr.hypotheses import Hypotheses
from hmr.keypoint_sets import LSP_14, SMPL_OF_POINT
from hmr.prompt_points import prompt_points
from hmr.skeleton import SMPL
from hmr.views import Views
from scorer import Scorer
from scorer.correlation import spearman
from scorer.medoid import medoid_displacement_mm
from scorer.protocol import load_scorer

CANDIDATES = 10
#: The keypoints that are judged: what humans marked of limbs.
_JUDGED = [SMPL.index(SMPL_OF_POINT[point]) for point in LSP_14.points[:12]]


@dataclass(frozen=True)
class Judged:
    """Of n people's candidates: how far they are from humans' marks, (n, m), and the share within 0.1."""

    params: BodyParams
    error: Tensor
    within: Tensor


def judged(params: BodyParams, people: MarkedPeople, model: BodyModel) -> Judged:
    """[n, m] bodies in the frames of the photographs' cameras."""
    off, known = _off(params, people.px, people, model), limbs() & (people.px[..., 2] > 0)
    weight = known[:, None].float()
    count = weight.sum(-1)
    return Judged(params, (off * weight).sum(-1) / count, ((off < 0.1) * weight).sum(-1) / count)


def _off(params: BodyParams, px: Tensor, people: MarkedPeople, model: BodyModel) -> Tensor:
    """(n, m, 24) from px (n, 24, 3), in sides of the marks' box."""
    K = torch.stack([default_K(int(w), int(h)) for w, h in people.size_wh])
    points = project(prompt_points(params, model), K[:, None])
    return (points - px[:, None, :, :2]).norm(dim=-1) / people.side[:, None, None]


def plain_judges(params: BodyParams, marks: DetectedMarks, people: MarkedPeople, model: BodyModel) -> dict[str, Tensor]:
    """(n, m) each; lower is better."""
    off, limb = _off(params, marks.px, people, model), limbs().float()
    there, sure = (marks.px[:, None, :, 2] > 0) * limb, marks.px[:, None, :, 2] * limb
    return {
        "distance to the detector's marks": (off * there).sum(-1) / there.sum(-1).clamp_min(1),
        "the same, by its confidence": (off * sure).sum(-1) / sure.sum(-1).clamp_min(1e-6),
        "medoid": medoid_displacement_mm(model.keypoints(params)).mean(-1),
    }


def scored(scorer: Scorer, views: Views, params: BodyParams, model: BodyModel) -> dict[str, Tensor]:
    """By the scorer, with the picture and in the dark; lower is better."""
    hypotheses = Hypotheses(views.key, params, model.family, "photo", 0)
    out, eyes = {}, scorer.branch.eyes
    for name, seeing in (("scorer", eyes), ("scorer in the dark", None)):
        scorer.branch.eyes = seeing
        scores = scorer.score(views, hypotheses, model)
        out[f"{name}: score"] = -scores.value
        out[f"{name}: displacement"] = scores.displacement_mm.mean(-1)
        if scores.in_plane_mm is not None:
            out[f"{name}: across the picture"] = scores.in_plane_mm[..., _JUDGED].mean(-1)
    scorer.branch.eyes = eyes
    return out


def rows_of(of: Judged, judges: dict[str, Tensor]) -> dict[str, Any]:
    """SRCC within pictures, and what is chosen. Differences of SRCC to the first judge are paired."""
    error = of.error.numpy()
    order = {name: spearman(value.numpy(), error) for name, value in judges.items()}
    first = next(iter(order.values()))
    rows: dict[str, Any] = {"mean of all": [mean_figure(error.mean(1)), mean_figure(of.within.mean(1).numpy())]}
    rows["the best of all"] = [mean_figure(error.min(1)), mean_figure(of.within.amax(1).numpy())]
    for name, value in judges.items():
        chosen = value.argmin(1, keepdim=True)
        difference = bootstrap(lambda a, b: mean(a) - mean(b), order[name], first)
        rows[name] = {
            "srcc": mean_figure(order[name]), "above the first": difference,
            "chosen: error": mean_figure(of.error.gather(1, chosen)[:, 0].numpy()),
            "chosen: pck": mean_figure(of.within.gather(1, chosen)[:, 0].numpy()),
        }  # fmt: skip
        told: list[Figure] = list(rows[name].values())
        print(f"  {name:36s}", *(show(figure, 3) for figure in told))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generator", default="photo")
    parser.add_argument("--scorer", default="photo")
    parser.add_argument("--lspet", type=Path, required=True)
    parser.add_argument("--split", choices=["validation", "test"], default="validation")
    parser.add_argument("--most", type=int, help="of the people")
    parser.add_argument("--weights", type=Path, help="folder of the detector's")
    parser.add_argument("--kept", type=Path, help="file of what the detector found, read or written")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    model, generator, scorer = free_body(1200), Generator.from_pretrained(args.generator), load_scorer(args.scorer)
    if not isinstance(scorer, Scorer) or not scorer.is_lit or scorer.branch.eyes is None:
        parser.error("--scorer: expected a scorer for photographs, with its eyes")
    people = read_lspet(args.lspet, args.split).first(args.most)
    marks = detected_marks(people, args.lspet / "images", args.weights, args.kept)
    found = marks.found & torch.from_numpy(np.isfinite(people.side.numpy()))
    people = MarkedPeople(
        tuple(n for n, f in zip(people.name, found, strict=True) if f), people.px[found], people.size_wh[found]
    )
    marks = DetectedMarks(marks.px[found], marks.box_xyxy[found])
    views = pictured(people, marks, args.lspet / "images", scorer.crop_size)
    cut = pictured(people, marks, args.lspet / "images", generator.crop_size)
    drawn = generator.propose(cut, model, CANDIDATES, 0, "photo").params
    assert cut.prompts is not None
    fitted = fit_to_marks(drawn, cut.prompts.keypoints_px, cut.K, model)
    content: dict[str, Any] = {
        "command": " ".join(["python -m benchmarks.photograph_scorer", *sys.argv[1:]]), "seed": 0,
        "machine": {"processor": platform.processor() or platform.machine(), "threads": torch.get_num_threads()},
        "code": code_version(), "split": args.split, "people": len(people), "rows": {},
    }  # fmt: skip
    for name, params in (("as drawn", drawn), ("fitted", fitted)):
        print(name)
        judges = plain_judges(params, marks, people, model) | scored(scorer, views, params, model)
        content["rows"][name] = rows_of(judged(params, people, model), judges)
    write_json(args.out, content)


if __name__ == "__main__":
    main()
