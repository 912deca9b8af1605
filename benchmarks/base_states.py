"""What is denoised: the paper's UVD and twists, or plain joints in metres? On validation pictures of the source domain.

    python -m benchmarks.base_states --demo adhmr-demo --out benchmarks/results/base_states.json

Takes a finished demo's image branch and regressor, as ``base_variants`` does, and trains a denoiser for each state. A joint
state is the 29 keypoints relative to the pelvis, in metres, in the frame of the crop's camera; the pelvis is then where the image
branch puts it. Twists are denoised beside the joints, or left at the branch's own estimate.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from adhmr.demo.config import budget
from adhmr.evaluation import base_figures
from adhmr.figures import Figure, show
from adhmr.world.domains import DOMAINS
from adhmr.world.make import make_samples
from diffusion_hmr import Generator
from diffusion_hmr.train import train_denoiser
from hmr.body import BodyModel, BodyParams
from hmr.files import code_version, write_json
from hmr.free_body import free_body
from hmr.inverse_kinematics import rotations_from_keypoints
from hmr.networks.branch_loss import Targets
from hmr.networks.conditions import Conditions, conditions_of
from hmr.pose_state import PoseState, body_from_state, points_from_uvd
from hmr.samples import Samples, load_samples
from hmr.training.run import TrainingRun
from hmr.training.train_branch import split_rows
from regressors import Regressor


@dataclass(frozen=True)
class Space:
    """A state to denoise, packed in a PoseState's 133 numbers.

    of_pictures: conditions and K (b, 3, 3) to conditions whose own estimate is in the space. of_labels: labels to (b, 133).
    to_bodies: sampled states (b, n, 133), the *first* conditions and K to bodies [b, n].
    """

    of_pictures: Callable[[Conditions, Tensor], Conditions]
    of_labels: Callable[[Samples], Tensor]
    to_bodies: Callable[[Tensor, Conditions, Tensor], BodyParams]


def uvd_and_twists(model: BodyModel, size: int) -> Space:
    def bodies(packed: Tensor, conditions: Conditions, K: Tensor) -> BodyParams:
        state, n = PoseState.unpack(packed), packed.shape[1]
        return body_from_state(
            state, conditions.shape[:, None], conditions.extent[:, None].expand(-1, n), K[:, None], size, model
        )

    return Space(lambda conditions, K: conditions, lambda samples: Targets.of(samples, model).state, bodies)


def joints(model: BodyModel, size: int, with_twists: bool) -> Space:
    def own_points(conditions: Conditions, K: Tensor) -> Tensor:
        return points_from_uvd(PoseState.unpack(conditions.own).uvd, conditions.extent, K, size)

    def of_pictures(conditions: Conditions, K: Tensor) -> Conditions:
        points, own = own_points(conditions, K), PoseState.unpack(conditions.own)
        scale = PoseState.unpack(conditions.own_scale)
        metres = (
            0.5 * conditions.extent[:, None, None]
        )  # u and v run from -1 to 1 over the extent; d is in metres already
        uvd_scale = torch.cat([scale.uvd[..., :2] * metres, scale.uvd[..., 2:]], -1)
        return replace(
            conditions,
            own=PoseState(points - points[:, :1], own.twist).pack(),
            own_scale=PoseState(uvd_scale, scale.twist).pack(),
        )

    def of_labels(samples: Samples) -> Tensor:
        points = model.keypoints(samples.label)
        twist = PoseState.unpack(Targets.of(samples, model).state).twist
        return PoseState(points - points[:, :1], twist).pack()

    def bodies(packed: Tensor, conditions: Conditions, K: Tensor) -> BodyParams:
        state, n = PoseState.unpack(packed), packed.shape[1]
        pelvis = own_points(conditions, K)[:, None, :1]
        points = state.uvd - state.uvd[..., :1, :] + pelvis
        twist = state.twist if with_twists else PoseState.unpack(conditions.own).twist[:, None].expand_as(state.twist)
        shape = conditions.shape[:, None].expand(-1, n, -1)
        R_cam_root, R_parent_joint = rotations_from_keypoints(points, twist, model.rest_keypoints(shape))
        return BodyParams(R_cam_root, R_parent_joint, shape, points[..., 0, :])

    return Space(of_pictures, of_labels, bodies)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demo", type=Path, required=True, help="folder of a finished `adhmr demo --from_scratch`")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    model, training = free_body(1200), budget("quick").generator
    trained = Generator.from_pretrained(options.demo / "generator-base")
    regressor = Regressor.from_pretrained(options.demo / "regressor")
    size = trained.config.size
    samples = Samples.cat([load_samples(options.demo / "data" / name) for name in ("source", "wild")])
    held_back = samples[split_rows(len(samples), training.branch_share, 0)[1]]
    known = conditions_of(trained.branch, held_back)
    truth = make_samples(DOMAINS["source"], 200, size, 91, model, "validation-source")
    seen = conditions_of(trained.branch, truth)
    opponent = regressor.bodies(seen, truth.K, model)
    spaces = {
        "uvd and twists": uvd_and_twists(model, size),
        "joints and twists": joints(model, size, with_twists=True),
        "joints, own twists": joints(model, size, with_twists=False),
    }
    results: dict[str, dict[str, Figure]] = {}
    for seed in range(options.seeds):
        for name, space in spaces.items():
            torch.manual_seed(seed)
            generator = Generator(trained.config)
            conditions = space.of_pictures(known, held_back.K)
            train_denoiser(
                generator.denoiser, conditions, space.of_labels(held_back), training.denoiser, TrainingRun(seed)
            )
            packed = generator.eval().sample_states(space.of_pictures(seen, truth.K), 64, 93)
            figures = base_figures(space.to_bodies(packed, seen, truth.K), opponent, truth, model)
            results[f"{name}, seed {seed}"] = figures
            cells = [show(figures[key], 2) for key in ("mean_sample_of_64_pve_mm", "mean_sample_against_regressor_percent",
                                                    "spread_over_mean_error", "truth_rank")]  # fmt: skip
            print(f"| {name}, seed {seed} | " + " | ".join(cells) + " |", flush=True)
            write_json(options.out, {
                "command": "python -m benchmarks.base_states", "code": code_version(), "torch": torch.__version__,
                "machine": f"{torch.get_num_threads()} threads, cpu", "results": results,
            })  # fmt: skip


if __name__ == "__main__":
    main()
