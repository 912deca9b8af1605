"""Pictures with labels of hands and faces, and where in a picture those are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import roma
import torch
from torch import Tensor

from hmr.crops import CROP_ARRAYS, LabelledCrops, crop_fields, read_pictures, write_pictures
from hmr.expressive.params import ExpressiveParams
from hmr.expressive.skeleton import NUM_EXPRESSIVE_KEYPOINTS, PART_KEYPOINTS, PART_NAMES
from hmr.samples import Samples, load_samples, read_arrays, write_arrays

LABELS_FILE = "expressive_labels.npz"
#: The parts that a box is predicted for.
BOXED_PARTS = tuple(PART_KEYPOINTS)


@dataclass(frozen=True)
class ExpressiveSamples(LabelledCrops[ExpressiveParams]):
    """n square crops with labels of SMPL-X's 55 joints; 81 keypoints.

    part_known (n, 4), bool: whose label is to be believed, in PART_NAMES' order; a part that is not known is never learnt from.
    """

    part_known: Tensor

    def __post_init__(self) -> None:
        super().__post_init__()
        n = len(self.key)
        expected = {
            "K": (n, 3, 3),
            "keypoints_2d": (n, NUM_EXPRESSIVE_KEYPOINTS, 3),
            "part_known": (n, len(PART_NAMES)),
        }
        for name, want in expected.items():
            if tuple(getattr(self, name).shape) != want:
                raise ValueError(f"ExpressiveSamples.{name}: expected {want}, got {tuple(getattr(self, name).shape)}")

    def bodies(self) -> Samples:
        """The same pictures with SMPL's 24 joints, for the scorer and the generator; 2D keypoints are left out."""
        label = self.label.body()
        return Samples(self.key, self.rgb, self.K, label, self.label_kind, torch.zeros(len(self), 29, 3))


def part_boxes(points_xy: Tensor, size: int, margin: float = 0.35) -> tuple[Tensor, Tensor]:
    """Boxes of left hand, right hand and face about their keypoints (..., 81, 2) in crop pixels.

    Returns centre x, y and side of squares (..., 3, 3) in units of the crop's side, and which of them are in the picture
    (..., 3): a box whose centre is outside is none, and its numbers are not to be learnt.
    """
    boxes = []
    for part in BOXED_PARTS:
        xy = points_xy[..., list(PART_KEYPOINTS[part]), :] / size
        low, high = xy.amin(-2), xy.amax(-2)
        side = (high - low).amax(-1, keepdim=True) * (1 + margin)
        boxes.append(torch.cat([0.5 * (low + high), side.clamp_min(2 / size)], -1))
    box = torch.stack(boxes, -2)
    return box, ((box[..., :2] > 0) & (box[..., :2] < 1)).all(-1)


def expressive_arrays(params: ExpressiveParams) -> dict[str, np.ndarray]:
    """Arrays for a file, in SMPL-X's words: rotation vectors, betas, expression, metres."""
    rotvec = roma.rotmat_to_rotvec(params.R_parent_joint).numpy().astype(np.float32)
    return {
        "global_orient": roma.rotmat_to_rotvec(params.R_cam_root).numpy().astype(np.float32),
        "body_pose": rotvec[..., :21, :],
        "jaw_pose": rotvec[..., 21, :],
        "leye_pose": rotvec[..., 22, :],
        "reye_pose": rotvec[..., 23, :],
        "left_hand_pose": rotvec[..., 24:39, :],
        "right_hand_pose": rotvec[..., 39:54, :],
        "betas": params.shape.numpy().astype(np.float32),
        "expression": params.expression.numpy().astype(np.float32),
        "t_cam_root": params.t_cam_root.numpy().astype(np.float32),
    }


def expressive_from_arrays(arrays: dict[str, np.ndarray]) -> ExpressiveParams:
    """The inverse. Raises ValueError naming what is missing."""
    needed = ("global_orient", "body_pose", "jaw_pose", "leye_pose", "reye_pose", "left_hand_pose", "right_hand_pose", "betas",
              "expression", "t_cam_root")  # fmt: skip
    if missing := [key for key in needed if key not in arrays]:
        raise ValueError(f"labels of a body with hands: arrays {missing} are missing")
    t = {key: torch.from_numpy(arrays[key]) for key in needed}
    face = torch.stack([t["jaw_pose"], t["leye_pose"], t["reye_pose"]], -2)
    rotvec = torch.cat([t["body_pose"], face, t["left_hand_pose"], t["right_hand_pose"]], -2)
    return ExpressiveParams(
        roma.rotvec_to_rotmat(t["global_orient"]),
        roma.rotvec_to_rotmat(rotvec),
        t["betas"],
        t["expression"],
        t["t_cam_root"],
    )


def save_expressive_samples(folder: Path, samples: ExpressiveSamples) -> None:
    """``pictures.npy`` (n, s, s, 3) uint8 and ``expressive_labels.npz`` in ``folder``."""
    write_pictures(folder, samples.rgb)
    known = {"part_known": samples.part_known.numpy()}
    write_arrays(folder / LABELS_FILE, {**expressive_arrays(samples.label), **samples.arrays(), **known})


def without_hands(samples: Samples) -> ExpressiveSamples:
    """Labels of SMPL's 24 joints: of hands and face they know nothing."""
    n = len(samples)
    return ExpressiveSamples(
        key=samples.key,
        rgb=samples.rgb,
        K=samples.K,
        label=ExpressiveParams.of_body(samples.label),
        label_kind=samples.label_kind,
        keypoints_2d=torch.zeros(n, NUM_EXPRESSIVE_KEYPOINTS, 3),
        part_known=torch.tensor([name == "body" for name in PART_NAMES]).repeat(n, 1),
    )


def load_expressive_samples(folder: Path) -> ExpressiveSamples:
    """Also of a folder whose labels are bodies without hands. Raises ValueError naming what is missing or broken."""
    path = folder / LABELS_FILE
    if not path.exists() and (folder / "labels.npz").exists():
        return without_hands(load_samples(folder))
    arrays = read_arrays(path)
    if missing := {*CROP_ARRAYS, "part_known"} - set(arrays):
        raise ValueError(f"{path}: arrays {sorted(missing)} are missing; make the set with `adhmr synth --hands true`")
    return ExpressiveSamples(
        **crop_fields(arrays, read_pictures(folder)),
        label=expressive_from_arrays(arrays),
        part_known=torch.from_numpy(arrays["part_known"]),
    )
