"""What does a generator gain by looking? On rendered people whose bodies are known, and on photographs that humans marked.

    python -m benchmarks.lit_generator --motion HELD_OUT.npz --out benchmarks/results/lit_generator_synthetic.json
    python -m benchmarks.lit_generator --lspet LSPET --split test --out benchmarks/results/lit_generator_lspet.json
    python -m benchmarks.lit_generator --coco COCO.json --images FOLDER --out benchmarks/results/lit_generator_coco.json

Synthetic: people of 256 px in any pose, half of them of HELD_OUT.npz, which no weights learnt from; told a detector's marks (two
looks), exact marks, or nothing; seen, and in the dark; beside them a generator that is told marks alone, on the same marks
(--beside). Nothing is fitted. Photographs: nothing is told, the crop about the person is all; beside the bodies stand the
landmarks that BlazePose itself sees in that crop.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from adhmr.figures import bootstrap, mean_figure, percent_change, show, single
from adhmr.lit.candidates import conditions_of_batch
from adhmr.lit.people import PictureMaker, lit_people
from adhmr.loading import estimator_folder
from adhmr.world.people import People
from adhmr.world.people_config import PeopleConfig
from benchmarks.detected_photographs import DetectedMarks, pictured
from benchmarks.marked_photographs import MarkedPeople, off, pck, read_coco, read_lspet
from diffusion_hmr import Generator
from diffusion_hmr.protocol import load_generator
from hmr.body import BodyModel, BodyParams
from hmr.detection.eyes import Eyes
from hmr.files import code_version, write_json
from hmr.fit_to_marks import fit_to_marks
from hmr.formats.motion.captured import read_motion
from hmr.free_body import free_body
from hmr.metrics import energy_score_mm, errors_of_hypotheses_mm, spread_mm
from hmr.networks.conditions import Conditions
from hmr.networks.lit_branch import LitBranch, marks_or_seen
from hmr.networks.prompt_branch import in_px
from hmr.prompt_points import prompt_points
from hmr.training.lit_people import LitPeople
from hmr.views import Views
from scorer.consensus import weighted_mean_body
from scorer.medoid import medoid_displacement_mm

CANDIDATES, _AT_ONCE = 10, 256


@torch.no_grad()
def conditions(generator: Generator, people: LitPeople, marks: Tensor, seen: bool) -> Conditions:
    """Of people who are told marks (n, 24, 3), seen or in the dark."""
    parts = []
    for start in range(0, len(people), _AT_ONCE):
        rows = torch.arange(start, min(start + _AT_ONCE, len(people)))
        batch = people.shown(rows, marks[rows], torch.full((len(rows),), seen))
        parts.append(conditions_of_batch(generator, batch))
    return Conditions.cat(parts)


def synthetic(generator: Generator, beside: Generator | None, people: People, lit: LitPeople, model: BodyModel) -> dict:
    """Errors in mm of ten samples, by what is told and who looks; paired changes of the mean sample's PVE."""
    exact = torch.cat([people.uv, torch.ones_like(people.uv[..., :1])], -1) * people.inside[..., None]
    told = {"a detector's marks": lit.detected, "exact marks": exact, "nothing": torch.zeros_like(exact)}
    rows: dict[str, Any] = {}
    for name, marks in told.items():
        makers = {"seen": (generator, True), "in the dark": (generator, False)}
        if beside is not None:
            makers["beside"] = (beside, False)
        errors = {
            kind: _errors(who, conditions(who, lit, marks, seen), people, model) for kind, (who, seen) in makers.items()
        }
        pve = {kind: one["mean_sample_pve"].numpy() for kind, one in errors.items()}
        rows[name] = {kind: _figures(one) for kind, one in errors.items()}
        for other in list(makers)[1:]:
            change = bootstrap(percent_change, pve["seen"], pve[other])
            rows[name][f"PVE of the mean sample, seen against {other}, %"] = change
            print(f"{name:20s} seen against {other:12s}", show(change))
        for kind, figures in rows[name].items():
            if kind in makers:
                print(f"{name:20s} {kind:12s}", *(f"{what} {show(figure)};" for what, figure in figures.items()))
    return rows


def _errors(generator: Generator, conditions: Conditions, people: People, model: BodyModel) -> dict[str, Tensor]:
    size = generator.crop_size
    K = torch.diag(torch.tensor([size, size, 1.0])) @ people.K
    return errors_of_hypotheses_mm(
        generator.sample_bodies(conditions, K, model, CANDIDATES, 0), people.label, model
    )  # fmt: skip


def _figures(errors: dict[str, Tensor]) -> dict:
    spread = float(spread_mm(errors["pairwise"]).mean() / errors["pve"].mean())
    named = {
        "PVE, mean sample": errors["mean_sample_pve"], "PA-PVE, mean sample": errors["mean_sample_pa_pve"],
        "PVE, all": errors["pve"].mean(1), "energy score": energy_score_mm(errors["pve"], errors["pairwise"]),
    }  # fmt: skip
    figures = {name: mean_figure(value.numpy()) for name, value in named.items()}
    return figures | {"spread over mean error": single(spread, len(errors["pve"]))}


def pixels_alone(generator: Generator, people: MarkedPeople, images: Path, model: BodyModel) -> dict:
    """PCK@0.1 and @0.05 of bodies in crops about people of whom nothing is told, and of the landmarks that are seen there.

    Raises ValueError for a generator that does not look.
    """
    branch = generator.branch
    if not isinstance(branch, LitBranch) or branch.eyes is None:
        raise ValueError("--generator: expected one that looks, with its eyes")
    nothing = DetectedMarks(torch.zeros_like(people.px), people.boxes())
    parts = []
    for start in range(0, len(people), _AT_ONCE):
        some = people[start : start + _AT_ONCE]
        told = DetectedMarks(nothing.px[start : start + _AT_ONCE], nothing.box_xyxy[start : start + _AT_ONCE])
        parts.append(_seen(generator, pictured(some, told, images, generator.crop_size), model))
    far: dict[str, Tensor] = {}
    for kind in parts[0]:
        points = torch.cat([part[kind] for part in parts])
        if points.shape[-1] == 3:
            far[kind] = off(points, people)
        else:
            known = people.px[..., 2] > 0
            distance = (points - people.px[..., :2]).norm(dim=-1) / people.side[:, None]
            far[kind] = torch.where(known, distance, torch.nan)
    rows = {kind: [pck(distance, 0.1), pck(distance, 0.05)] for kind, distance in far.items()}
    for kind, figures in rows.items():
        print(f"{kind:40s}", *map(show, figures))
    return rows


def _seen(generator: Generator, views: Views, model: BodyModel) -> dict[str, Tensor]:
    """Points (n, 24, 3) of bodies in the cameras' frames, and (n, 24, 2) of landmarks in the photographs' pixels."""
    branch = generator.branch
    assert isinstance(branch, LitBranch)
    assert branch.eyes is not None
    sight = branch.eyes(views)
    marks = in_px(marks_or_seen(torch.zeros(len(views), 24, 3), sight), views.size)
    sampled = generator.propose(views, model, CANDIDATES, 0, "lit").params
    best = medoid_displacement_mm(model.keypoints(sampled)).mean(-1).argmin(1)
    rows = torch.arange(len(views))
    mean = weighted_mean_body(sampled, torch.full((len(views), CANDIDATES), 1 / CANDIDATES))
    fitted = fit_to_marks(mean.reshape_batch(len(views), 1), marks, views.K, model)[:, 0]
    bodies: dict[str, BodyParams] = {
        "one sample": sampled[:, 0], "medoid of ten": sampled[rows, best], "mean of ten": mean,
        "mean of ten, fitted to what is seen": fitted,
    }  # fmt: skip
    back = torch.linalg.inv(views.A_view_picture)
    landmarks = marks[..., :2] @ back[:, :2, :2].transpose(1, 2) + back[:, None, :2, 2]
    return {name: prompt_points(body, model) for name, body in bodies.items()} | {"BlazePose's landmarks": landmarks}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generator", default="photo")
    parser.add_argument("--beside", help="a generator that is told marks alone (train-prompted)")
    parser.add_argument("--lspet", type=Path)
    parser.add_argument("--split", choices=["validation", "test"], default="validation")
    parser.add_argument("--coco", type=Path)
    parser.add_argument("--images", type=Path)
    parser.add_argument("--most", type=int, help="of the people")
    parser.add_argument("--motion", type=Path)
    parser.add_argument("--people", type=int, default=512)
    parser.add_argument("--kept", type=Path, help="folder where synthetic people are kept once they are made")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    model, generator = free_body(1200), load_generator(estimator_folder(args.generator))
    if not isinstance(generator, Generator):
        parser.error("--generator: expected one of ours")
    content: dict[str, Any] = {
        "command": " ".join(["python -m benchmarks.lit_generator", *sys.argv[1:]]), "seed": 0, "code": code_version(),
        "machine": {"processor": platform.processor() or platform.machine(), "threads": torch.get_num_threads()},
    }  # fmt: skip
    if args.lspet is None and args.coco is None:
        maker = PictureMaker(PeopleConfig(any_rotation=0.2), model, read_motion(args.motion) if args.motion else None)
        with tempfile.TemporaryDirectory() as made:
            folder = args.kept or Path(made)
            people, lit = lit_people(maker, Eyes.load(), args.people, 7000, folder, lambda share: None)
        beside = None if args.beside is None else Generator.from_pretrained(args.beside)
        content["rows"] = synthetic(generator, beside, people, lit, model)
    elif args.lspet is not None:
        people = read_lspet(args.lspet, args.split).first(args.most)
        content |= {"split": args.split, "people": len(people)}
        content["rows"] = pixels_alone(generator, people, args.lspet / "images", model)
    else:
        people = read_coco(args.coco, args.images).first(args.most)
        content |= {"coco": args.coco.name, "people": len(people)}
        content["rows"] = pixels_alone(generator, people, args.images, model)
    write_json(args.out, content)


if __name__ == "__main__":
    main()
