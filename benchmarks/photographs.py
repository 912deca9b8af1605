"""How close the prompted generator's bodies come to what humans marked in photographs, and to bodies that are known.

    python -m benchmarks.photographs --lspet LSPET --split test --out benchmarks/results/photographs_test.json
    python -m benchmarks.photographs --motion HELD_OUT.npz --out benchmarks/results/photographs_synthetic.json
    python -m benchmarks.photographs --lspet LSPET --most 150 --detector --out benchmarks/results/photographs_detector.json
    python -m benchmarks.photographs --coco COCO.json --images FOLDER --draws 20 --out benchmarks/results/photographs_coco.json

Prompts are the humans' own marks, so a body that is fitted to them is bound to score: rows "withheld" hide three marks of each
person from network and fit, and count those alone (--draws: so often, other marks each time, for where people are few). With
--detector the prompts are a detector's (the person nearest to the humans' marks; missed people are wrong), and the humans'
marks are the judge. The synthetic rows are people in any pose, with exact prompts; their poses are half of HELD_OUT.npz, which
the weights did not learn from.
"""

from __future__ import annotations

import argparse
import platform
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from adhmr.figures import Figure, mean_figure, show, single
from adhmr.loading import estimator_folder
from adhmr.world.people import make_people
from adhmr.world.people_config import PeopleConfig
from benchmarks.detected_photographs import DetectedMarks, detected_marks, pictured
from benchmarks.marked_photographs import MarkedPeople, limbs, off, pck, read_coco, read_lspet, views_of
from diffusion_hmr import Generator
from diffusion_hmr.protocol import load_generator
from hmr.body import BodyModel, BodyParams
from hmr.camera import project
from hmr.files import code_version, write_json
from hmr.fit_to_marks import fit_to_marks
from hmr.formats.motion.captured import read_motion
from hmr.free_body import free_body
from hmr.keypoint_sets import COCO_17, PROMPT_POINTS
from hmr.metrics import energy_score_mm, pairwise_distance_mm, point_error_mm, similarity_aligned, spread_mm
from hmr.networks.lit_branch import LitBranch
from hmr.prompt_points import prompt_points
from hmr.skeleton import other_side
from hmr.views import Prompts, Views
from scorer.consensus import weighted_mean_body
from scorer.medoid import medoid_displacement_mm

CANDIDATES = 10


@dataclass(frozen=True)
class Bodies:
    """Of n people: the candidates [n, 10] as sampled and fitted, the medoid of the fitted ones, and the fitted mean."""

    sampled: BodyParams
    fitted: BodyParams
    medoid: BodyParams
    mean: BodyParams


def predicted(generator: Generator, views: Views, model: BodyModel) -> Bodies:
    sampled = generator.propose(views, model, CANDIDATES, 0, "photo").params
    assert views.prompts is not None
    marks = views.prompts.keypoints_px
    fitted = fit_to_marks(sampled, marks, views.K, model)
    best = medoid_displacement_mm(model.keypoints(fitted)).mean(-1).argmin(1)
    weight = torch.full((len(views), CANDIDATES), 1 / CANDIDATES)
    mean = weighted_mean_body(sampled, weight).reshape_batch(len(views), 1)
    rows = torch.arange(len(views))
    return Bodies(sampled, fitted, fitted[rows, best], fit_to_marks(mean, marks, views.K, model)[:, 0])


def distances(bodies: Bodies, people: MarkedPeople, model: BodyModel) -> dict[str, Tensor]:
    """How far (n, 24) each kind of body is from the marks, as ``off``."""
    kinds = {
        "one sample": bodies.sampled[:, 0], "one sample, fitted": bodies.fitted[:, 0],
        "medoid of ten, fitted": bodies.medoid, "mean of ten, fitted": bodies.mean,
    }  # fmt: skip
    return {name: off(prompt_points(params, model), people) for name, params in kinds.items()}


def shares(distance: dict[str, Tensor]) -> dict[str, list[Figure]]:
    """PCK@0.1 and @0.05 of distances (n, k)."""
    out = {name: [pck(of_kind, 0.1), pck(of_kind, 0.05)] for name, of_kind in distance.items()}
    for name, figures in out.items():
        print(f"  {name:24s}", *map(show, figures))
    return out


def shown(generator: Generator, people: MarkedPeople, images: Path, marks: Tensor) -> Views:
    """Crops with marks (n, 24, 3) as prompts; with their pictures, where the generator looks."""
    if isinstance(generator.branch, LitBranch):
        return pictured(people, DetectedMarks(marks, people.boxes()), images, generator.crop_size)
    return views_of(people, generator.crop_size, generator.crop_enlarge, marks)


def withheld(
    generator: Generator, people: MarkedPeople, images: Path, model: BodyModel, draws: int
) -> dict[str, list[Figure]]:
    """Shares of marks that neither network nor fit were told: three of each person, other ones in each of ``draws``."""
    found: list[dict[str, Tensor]] = []
    for draw in range(draws):
        fewer, gone = people.without(3, draw)
        views = shown(generator, people, images, fewer.px)
        far = distances(predicted(generator, views, model), people, model)
        found.append({name: torch.where(gone, of_kind, torch.nan) for name, of_kind in far.items()})
    return shares({name: torch.cat([of_draw[name] for of_draw in found], 1) for name in found[0]})


def synthetic(generator: Generator, model: BodyModel, motion: Path | None, count: int) -> dict[str, dict[str, Figure]]:
    """Mean errors in mm of people in any pose with exact prompts, and how wide the samples are spread; and with worse ones.

    There are no pictures, so a generator that looks sees nothing.
    """
    if isinstance(generator.branch, LitBranch):
        generator.branch.eyes = None
    people = make_people(
        PeopleConfig(truncated=0.0), count, 97, free_body(1200), read_motion(motion) if motion else None
    )
    size = generator.crop_size
    shown = torch.zeros(count, len(PROMPT_POINTS), 1)
    shown[:, COCO_17.taken_to(PROMPT_POINTS)[1]] = 1
    views = black_views(people.K, size)
    exact = torch.cat([project(prompt_points(people.label, model), views.K) * shown, shown], -1)
    truth = _rooted(people.label, model)
    out: dict[str, dict[str, Figure]] = {}
    for kind, marks in _worse(exact, size).items():
        views = replace(views, prompts=Prompts(marks))
        bodies = predicted(generator, views, model)
        figures = _figures(bodies, truth, model)
        out[kind] = figures
        for name, figure in figures.items():
            print(f"  {kind:28s} {name:30s}", show(figure, 2))
    return out


def black_views(K: Tensor, size: int) -> Views:
    """Of cameras (n, 3, 3) of crops one unit wide; a prompted generator does not look at pictures."""
    scale = torch.tensor([[size, 0, 0], [0, size, 0], [0, 0, 1.0]])
    black = torch.zeros(1, 3, size, size, dtype=torch.uint8).expand(len(K), -1, -1, -1)
    return Views.whole(tuple(map(str, range(len(K)))), black, scale @ K)


def _worse(exact: Tensor, size: int) -> dict[str, Tensor]:
    """Prompts (n, 24, 3) that are exact, off by a tenth of the box (with confidences that do not tell), half missing, with all
    sides swapped; and none."""
    random = torch.Generator().manual_seed(0)
    noise = 0.1 * size / 1.2 * torch.randn((*exact.shape[:2], 2), generator=random)
    noisy = torch.cat([exact[..., :2] + noise, exact[..., 2:]], -1)
    half = exact * (torch.rand((*exact.shape[:2], 1), generator=random) < 0.5)
    mirrored = [PROMPT_POINTS.place[other_side(point)] for point in PROMPT_POINTS.points]
    return {
        "exact": exact, "noise of 0.1 of the box": noisy, "half missing": half, "sides swapped": exact[:, mirrored],
        "none": torch.zeros_like(exact),
    }  # fmt: skip


def _rooted(params: BodyParams, model: BodyModel) -> Tensor:
    """Joints (..., 24, 3) relative to the pelvis."""
    joints = model.keypoints(params)[..., :24, :]
    return joints - joints[..., :1, :]


def _figures(bodies: Bodies, truth: Tensor, model: BodyModel) -> dict[str, Figure]:
    out: dict[str, Figure] = {}
    for name in ("medoid", "mean"):
        joints = _rooted(getattr(bodies, name), model)
        out[f"{name}: MPJPE"] = mean_figure(point_error_mm(joints, truth).numpy())
        out[f"{name}: PA-MPJPE"] = mean_figure(point_error_mm(similarity_aligned(joints, truth), truth).numpy())
    for name in ("sampled", "fitted"):
        joints = _rooted(getattr(bodies, name), model)
        errors = point_error_mm(joints, truth[:, None])
        apart = torch.stack([pairwise_distance_mm(of_one) for of_one in joints])
        out[f"{name}: energy score"] = mean_figure(energy_score_mm(errors, apart).numpy())
        ratio = float(spread_mm(apart).mean() / errors.mean())
        out[f"{name}: spread over mean error"] = single(ratio, len(truth))
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generator", default="photo")
    parser.add_argument("--lspet", type=Path, help="without it and --coco: synthetic people only")
    parser.add_argument("--split", choices=["validation", "test"], default="validation")
    parser.add_argument("--coco", type=Path, help="json of COCO keypoints; --images: the folder of its photographs")
    parser.add_argument("--images", type=Path)
    parser.add_argument("--draws", type=int, default=1, help="of the marks that are withheld")
    parser.add_argument("--detector", action="store_true")
    parser.add_argument("--weights", type=Path, help="folder of the detector's")
    parser.add_argument("--kept", type=Path, help="file of what the detector found, read or written")
    parser.add_argument("--most", type=int, help="of the people")
    parser.add_argument("--motion", type=Path)
    parser.add_argument("--synthetic", type=int, default=1000)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    model, generator = free_body(1200), load_generator(estimator_folder(args.generator))
    if not isinstance(generator, Generator):
        parser.error("--generator: expected one of ours")
    command = " ".join(["python -m benchmarks.photographs", *sys.argv[1:]])
    machine = {"processor": platform.processor() or platform.machine(), "threads": torch.get_num_threads()}
    content: dict = {"command": command, "machine": machine, "code": code_version(), "seed": 0}
    if args.lspet is None and args.coco is None:
        content["rows"] = {"synthetic": synthetic(generator, model, args.motion, args.synthetic)}
    else:
        people, images, source = marked_people(args)
        content |= {**source, "people": len(people), "photographs": len(set(people.name))}
        if args.detector:
            marks = detected_marks(people, images, args.weights, args.kept).px
            content["rows"] = of_detector(generator, people, images, model, marks)
        else:
            content |= {"draws": args.draws, "rows": of_humans(generator, people, images, model, args.draws)}
    write_json(args.out, content)


def marked_people(args: argparse.Namespace) -> tuple[MarkedPeople, Path, dict[str, str]]:
    """Those that were asked for, the folder of their photographs, and what is said of where they are from."""
    if args.lspet is not None:
        people = read_lspet(args.lspet, args.split).first(args.most)
        return people, args.lspet / "images", {"split": args.split}
    if args.images is None:
        raise ValueError("--coco: expected --images as well, the folder of its photographs")
    return read_coco(args.coco, args.images).first(args.most), args.images, {"coco": args.coco.name}


def of_humans(generator: Generator, people: MarkedPeople, images: Path, model: BodyModel, draws: int) -> dict:
    """Rows with the humans' marks as prompts."""
    print("humans' marks as prompts")
    views = shown(generator, people, images, people.px)
    all_told = shares(distances(predicted(generator, views, model), people, model))
    print("three marks withheld")
    return {
        "humans' marks as prompts": all_told,
        "three marks withheld": withheld(generator, people, images, model, draws),
    }


def of_detector(generator: Generator, people: MarkedPeople, images: Path, model: BodyModel, marks: Tensor) -> dict:
    """Rows with a detector's marks (n, 24, 3) as prompts."""
    own, judged = detector_off(marks, people)
    itself = [pck(own, 0.1), pck(own, 0.05)]
    print("the detector itself", *map(show, itself))
    views = shown(generator, people, images, marks)
    far = distances(predicted(generator, views, model), people, model)
    rows = shares({name: torch.where(judged, of_kind, torch.nan) for name, of_kind in far.items()})
    return {"the detector itself": itself, "a detector's prompts": rows}


def detector_off(marks: Tensor, people: MarkedPeople) -> tuple[Tensor, Tensor]:
    """How far a detector's marks (n, 24, 3) are from the humans', in sides of their box (infinitely, where it says nothing).

    Also which of the humans' are judged (n, 24): LSP's twelve joints of limbs.
    """
    judged = limbs() & (people.px[..., 2] > 0)
    own = (marks[..., :2] - people.px[..., :2]).norm(dim=-1) / people.side[:, None]
    return torch.where(judged, own.masked_fill(marks[..., 2] <= 0, torch.inf), torch.nan), judged


if __name__ == "__main__":
    main()
