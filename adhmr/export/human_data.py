"""People of photographs as HumanData .npz (mmhuman3d): labels that trainers of this field read.

Keypoints are made of the parameters, and say so by their names (``keypoints2d_smpl``); nobody saw them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from adhmr.export.parameters import smpl_transl
from hmr.body import BodyModel, BodyParams, smpl_keypoints
from hmr.body_codec import arrays_of_bodies
from hmr.camera import project
from hmr.files import write_atomically
from hmr.formats.from_keypoints import HUMAN_DATA_190
from hmr.formats.labels.npz import boxed
from hmr.formats.predictions import EXPORT_MARK
from hmr.skeleton import KEYPOINT_NAMES, SMPL

_STORED = tuple(sorted(HUMAN_DATA_190))


@dataclass(frozen=True)
class LabelledPeople:
    """p people of one photograph.

    Attributes:
        image: path of the photograph in its folder.
        boxes_xyxy: (p, 4) pixels.
        bodies: [p] camera frame of the photograph.
        K: (3, 3) pixels.
    """

    image: str
    boxes_xyxy: np.ndarray
    bodies: BodyParams
    K: Tensor


def write_human_data(path: Path, photographs: Sequence[LabelledPeople], model: BodyModel) -> None:
    """One row for every person; bodies of 24 joints under ``smpl``, with hands and face under ``smplx``. Atomically.

    Raises ValueError where there is nobody.
    """
    if not photographs:
        raise ValueError(f"{path}: expected at least one photograph with people")
    bodies = BodyParams.cat([people.bodies for people in photographs])
    count = [len(people.boxes_xyxy) for people in photographs]
    K = torch.cat([people.K.expand(n, 3, 3) for people, n in zip(photographs, count, strict=True)])
    content = {
        "image_path": np.repeat(np.array([people.image for people in photographs], dtype=np.str_), count),
        "bbox_xywh": _boxes(np.concatenate([people.boxes_xyxy for people in photographs])),
        "smpl" if bodies.skeleton is SMPL else "smplx": boxed(_parameters(bodies, model)),
        **_keypoints(bodies, K, model),
        "meta": boxed(_meta(K)),
        "misc": boxed({"body_model": model.name}),
        "config": np.array("adhmr"),
        **_of_the_file(sum(count)),
    }
    with write_atomically(path) as partial, partial.open("wb") as stream:
        np.savez_compressed(stream, **content)


def _boxes(xyxy: np.ndarray) -> np.ndarray:
    """(n, 4) to (n, 5) x y w h and a confidence."""
    size = xyxy[:, 2:] - xyxy[:, :2]
    return np.concatenate([xyxy[:, :2], size, np.ones((len(xyxy), 1))], 1).astype(np.float32)


def _parameters(bodies: BodyParams, model: BodyModel) -> dict[str, np.ndarray]:
    arrays = arrays_of_bodies(bodies)
    del arrays["t_cam_root"]
    return {**arrays, "transl": smpl_transl(bodies, model).numpy().astype(np.float32)}


def _keypoints(bodies: BodyParams, K: Tensor, model: BodyModel) -> dict[str, np.ndarray]:
    """In 2D and 3D, with confidences of one; of the 190 those that we have, which a mask tells."""
    points = smpl_keypoints(model, bodies)[:, [KEYPOINT_NAMES.index(HUMAN_DATA_190[place]) for place in _STORED]]
    mask = np.zeros(190, dtype=np.uint8)
    mask[list(_STORED)] = 1
    out: dict[str, np.ndarray] = {}
    for name, values in (("keypoints2d_smpl", project(points, K)), ("keypoints3d_smpl", points)):
        stored = torch.cat([values, torch.ones_like(values[..., :1])], -1)
        out |= {name: stored.numpy().astype(np.float32), f"{name}_mask": mask}
    return out


def _meta(K: Tensor) -> dict[str, Any]:
    """The camera of every row, pixels."""
    focal, principal = torch.stack([K[:, 0, 0], K[:, 1, 1]], 1), K[:, :2, 2]
    return {
        "gender": ["neutral"] * len(K),
        "focal_length": focal.numpy().astype(np.float32),
        "principal_point": principal.numpy().astype(np.float32),
    }


def _of_the_file(rows: int) -> dict[str, np.ndarray]:
    return {
        "__key_strict__": np.array(False),
        "__data_len__": np.array(rows),
        "__keypoints_compressed__": np.array(True),
        EXPORT_MARK: np.array("adhmr"),
    }
