"""Parameters by smplx's own names and conventions, for the SMPL family's models."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from adhmr.export.motion import BodyMotion
from adhmr.export.parameters import smpl_transl
from hmr.body import BodyModel, BodyParams, smplx_of
from hmr.body_codec import arrays_of_bodies, write_arrays
from hmr.formats.predictions import EXPORT_MARK

FAMILIES = ("smpl", "smplh", "smplx")
#: What SMPL-H has not.
_OF_THE_FACE = ("jaw_pose", "leye_pose", "reye_pose", "expression")


def smpl_family(model: BodyModel) -> str:
    """smpl, smplh or smplx. Raises ValueError for a body of another shape space: its betas mean nothing to those models."""
    family = model.name.partition("-")[0]
    if family not in FAMILIES:
        raise ValueError(
            f"SMPL parameters are of SMPL, SMPL-H or SMPL-X; the bodies are of '{model.name}', whose betas mean something else. "
            "Give --body_model with a generator of that body, or export npz, which holds the rotations of any body"
        )
    return family


def smpl_parameters(bodies: BodyParams, model: BodyModel) -> dict[str, np.ndarray]:
    """Arguments of smplx's forward for bodies [b], float32: rotation vectors side by side, camera frame, metres.

    global_orient (b, 3), body_pose (b, 69) of SMPL or (b, 63), betas (b, 10), transl (b, 3); of SMPL-H and SMPL-X also
    left_hand_pose and right_hand_pose (b, 45), of SMPL-X also jaw_pose, leye_pose, reye_pose (b, 3) and expression (b, e).

    Hands are as of ``use_pca=False, flat_hand_mean=True``. Bodies of SMPL's 24 joints on a SMPL-X or SMPL-H file: every finger
    turns at its root as the hand joint does.
    Raises ValueError for a model of another family.
    """
    family = smpl_family(model)
    arrays = arrays_of_bodies(bodies if family == "smpl" else smplx_of(bodies))
    del arrays["t_cam_root"]
    out = {name: array.reshape(len(array), -1) for name, array in arrays.items()}
    if family == "smplh":
        out = {name: array for name, array in out.items() if name not in _OF_THE_FACE}
    return {**out, "transl": smpl_transl(bodies, model).numpy().astype(np.float32)}


def write_smpl_parameters(path: Path, motion: BodyMotion, model: BodyModel) -> None:
    """One person: ``smpl_parameters`` of t bodies, time_s (t,), and the model's name. Raises ValueError for another family."""
    arrays = smpl_parameters(motion.bodies, model)
    time_s = motion.time_s.numpy().astype(np.float32)
    write_arrays(path, {**arrays, "time_s": time_s, "body_model": np.array(model.name), EXPORT_MARK: np.array("adhmr")})
