"""Does the synthetic world hold the poses of photographs? How far each lifted pose is from the nearest of N sampled ones.

    python -m benchmarks.pose_coverage --lspet LSPET --motion TRAIN.npz --held_out HELD_OUT.npz \
        --out benchmarks/results/pose_coverage.json

Photographs' poses are the means of ten bodies that the generator lifts from humans' marks and that are fitted to them
(validation split). There are two controls, people of each world drawn anew, with motion capture that its N do not hold: their
own poses, and the same ("lifted") lifted as the photographs' are, from the same points. Lifting and fitting err and so lead away
from the world's poses by themselves: what photographs have beyond the lifted control is what the world lacks.
"""

from __future__ import annotations

import argparse
import platform
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import yaml
from torch import Tensor

from adhmr.figures import Figure, mean_figure, show
from adhmr.world.people import People, make_people
from adhmr.world.people_config import PeopleConfig
from benchmarks.marked_photographs import MarkedPeople, read_lspet, views_of
from benchmarks.photographs import black_views, predicted
from diffusion_hmr import Generator
from hmr.body import BodyParams
from hmr.files import code_version, write_json
from hmr.formats.motion.captured import read_motion
from hmr.free_body import free_body
from hmr.keypoint_sets import LSP_14, PROMPT_POINTS
from hmr.metrics import point_error_mm, similarity_aligned
from hmr.skeleton import JOINT_NAMES
from hmr.skinned_body import SkinnedBody
from hmr.views import Prompts, Views

#: Hands are not marked, so nothing is known of them.
_BODY = [i for i, name in enumerate(JOINT_NAMES) if "hand" not in name]
_TURNING = [i - 1 for i in _BODY if i > 0]
#: So many poses, by the distance of their joints as they lie, are aligned by a similarity to find the nearest of these.
_SHORTLIST = 200
_AROUND_DEG = 30.0
_CHUNK = 64


@dataclass(frozen=True)
class Sample:
    """Poses that a world is known by.

    Attributes:
        params: bodies [n].
        joints: (n, 22, 3) of the same poses on the mean body, in its own frame, metres.
    """

    params: BodyParams
    joints: Tensor

    @classmethod
    def of(cls, params: BodyParams, model: SkinnedBody) -> Sample:
        upright = torch.eye(3).expand(*params.batch_shape, 3, 3)
        still = BodyParams(
            upright, params.R_parent_joint, torch.zeros_like(params.shape), torch.zeros_like(params.t_cam_root)
        )
        return cls(params, model.smpl.keypoints(still)[:, _BODY])


def angle_deg(R: Tensor, S: Tensor) -> Tensor:
    """Geodesic angles of rotations (m, 3, 3) and (n, 3, 3): (m, n)."""
    cosine = (R.flatten(1) @ S.flatten(1).T - 1) / 2
    return cosine.clamp(-1, 1).arccos().rad2deg()


def nearest(of: Sample, world: Sample) -> dict[str, Tensor]:
    """Each (m,), of m poses to the nearest of n.

    joints_deg: mean angle of the body's joints. pa_mpjpe_mm: of the posed mean body. root_deg: of the root in the camera frame,
    whatever the pose. root_share: of the n, in %, whose root is within 30 degrees.
    """
    found: dict[str, list[Tensor]] = {}
    for start in range(0, len(of.joints), _CHUNK):
        rows = slice(start, start + _CHUNK)
        for name, values in _nearest(of.params[rows], of.joints[rows], world).items():
            found.setdefault(name, []).append(values)
    return {name: torch.cat(values) for name, values in found.items()}


def _nearest(params: BodyParams, joints: Tensor, world: Sample) -> dict[str, Tensor]:
    total = torch.zeros(len(joints), len(world.joints))
    for joint in _TURNING:
        total += angle_deg(params.R_parent_joint[:, joint], world.params.R_parent_joint[:, joint])
    root_deg = angle_deg(params.R_cam_root, world.params.R_cam_root)
    near = torch.cdist(joints.flatten(1), world.joints.flatten(1)).topk(_SHORTLIST, largest=False).indices
    target = joints[:, None].expand(-1, _SHORTLIST, -1, -1)
    off_mm = point_error_mm(similarity_aligned(world.joints[near], target), target)
    return {
        "joints_deg": (total / len(_TURNING)).amin(1), "pa_mpjpe_mm": off_mm.amin(1), "root_deg": root_deg.amin(1),
        "root_share": 100 * (root_deg < _AROUND_DEG).float().mean(1),
    }  # fmt: skip


def worlds(config: PeopleConfig) -> dict[str, PeopleConfig]:
    """The one that the generator learnt from, and its three sources of poses alone."""
    alone = replace(config, other_legs=0.0)
    return {
        "all that the generator learnt from": config,
        "gestures alone": replace(alone, captured=0.0, everyday=1.0),
        "wide gestures alone": replace(alone, captured=0.0, everyday=0.0),
        "motion capture alone": replace(alone, captured=1.0),
    }


def lifted(generator: Generator, views: Views, model: SkinnedBody) -> Sample:
    """Means of ten bodies, fitted to all marks."""
    return Sample.of(predicted(generator, views, model).mean, model)


def views_of_world(people: People, size: int) -> Views:
    """With the points of LSP's set as prompts, as annotators mark them, where the photograph has them."""
    told = torch.zeros(len(PROMPT_POINTS), dtype=torch.bool)
    told[LSP_14.taken_to(PROMPT_POINTS)[1]] = True
    said = (people.inside & told)[..., None].float()
    return replace(
        black_views(people.K, size), prompts=Prompts(torch.cat([(people.uv + 1) / 2 * size * said, said], -1))
    )


def figures(distance: dict[str, Tensor], who: str) -> dict[str, Figure]:
    out = {name: mean_figure(values.double().numpy()) for name, values in distance.items()}
    print(f"  {who:12s}", ", ".join(f"{name} {show(figure)}" for name, figure in out.items()), flush=True)
    return out


def worst(people: MarkedPeople, distance: dict[str, Tensor], count: int) -> list[dict]:
    """The photographs whose joints are turned furthest from any pose of the world."""
    return [
        {"image": people.name[i], **{name: round(float(values[i]), 2) for name, values in distance.items()}}
        for i in distance["joints_deg"].topk(min(count, len(people))).indices.tolist()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lspet", type=Path, required=True)
    parser.add_argument("--motion", type=Path, required=True, help="that the generator learnt from")
    parser.add_argument("--held_out", type=Path, required=True, help="motion capture of the control")
    parser.add_argument(
        "--config", type=Path, default=Path("configs/generator_photo.yaml"), help="with the world's people"
    )
    parser.add_argument("--generator", default="photo")
    parser.add_argument("--most", type=int, help="of the photographs")
    parser.add_argument("--poses", type=int, default=30_000, help="N")
    parser.add_argument("--seed", type=int, default=0, help="of the N; the control has the next one")
    parser.add_argument("--worst", type=int, default=12)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    model, people = free_body(1200), read_lspet(args.lspet, "validation").first(args.most)
    generator = Generator.from_pretrained(args.generator)
    seen = lifted(generator, views_of(people, generator.crop_size, generator.crop_enlarge), model)
    motion, held_out = read_motion(args.motion), read_motion(args.held_out)
    config = PeopleConfig(**yaml.safe_load(args.config.read_text())["people"])
    rows: dict[str, dict] = {}
    for name, world in worlds(config).items():
        print(name)
        known = Sample.of(make_people(world, args.poses, args.seed, model, motion).label, model)
        drawn = make_people(world, len(people), args.seed + 1, model, held_out)
        again = lifted(generator, views_of_world(drawn, generator.crop_size), model)
        distance = nearest(seen, known)
        rows[name] = {
            "photographs": figures(distance, "photographs"),
            "control": figures(nearest(Sample.of(drawn.label, model), known), "control"),
            "control, lifted": figures(nearest(again, known), "lifted"),
            "worst": worst(people, distance, args.worst),
        }
    write_json(args.out, {
        "command": " ".join(["python -m benchmarks.pose_coverage", *sys.argv[1:]]), "code": code_version(), "seed": args.seed,
        "machine": {"processor": platform.processor() or platform.machine(), "threads": torch.get_num_threads()},
        "photographs": len(people), "poses": args.poses, "rows": rows,
    })  # fmt: skip


if __name__ == "__main__":
    main()
