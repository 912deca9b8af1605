"""Parameters of ranked bodies as .npz, in SMPL's or SMPL-X's words and as matrices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from torch import Tensor

from hmr.body import BodyModel, BodyParams
from hmr.body_codec import arrays_of_bodies, write_arrays
from hmr.prediction import Prediction


def smpl_transl(params: BodyParams, model: BodyModel) -> Tensor:
    """(..., 3) metres: smplx's ``transl`` moves the whole model, so it is t_cam_root minus the pelvis of the shaped rest pose."""
    return params.t_cam_root - model.rest_keypoints(params.shape, params.expression)[..., 0, :]


def _arrays(params: BodyParams, model: BodyModel) -> dict[str, np.ndarray]:
    return {
        **arrays_of_bodies(params),
        "R_cam_root": params.R_cam_root.numpy(),
        "R_parent_joint": params.R_parent_joint.numpy(),
        "transl": smpl_transl(params, model).numpy(),
    }


def write_parameters(path: Path, people: Prediction, boxes_xyxy: np.ndarray, model: BodyModel) -> None:
    """One .npz for the people of a photograph: ranked bodies of each (best first) in the photograph's camera frame, metres.

    Under ``estimate_`` the body of each person that is drawn. boxes_xyxy: (p, 4) pixels.

    ``transl`` is SMPL's: t_cam_root minus the rest pelvis. `adhmr rank --images` reads such files.
    """
    write_arrays(
        path,
        {
            "key": np.array(people.views.key, dtype=np.str_),
            "box_xyxy": boxes_xyxy.astype(np.float32),
            **_arrays(people.ranked.params, model),
            **{f"estimate_{name}": array for name, array in _arrays(people.estimate, model).items()},
            "score": people.score.numpy().astype(np.float32),
            "expected_pve_mm": people.expected_error_mm.numpy().astype(np.float32),
            "K": people.views.camera.K[0].numpy(),
            "body_model": np.array(model.name),
        },
    )
