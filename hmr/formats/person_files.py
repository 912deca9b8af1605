"""Files of one person of one photograph each: SMPLer-X and SMPLest-X, 4D-Humans, SAM 3D Body.

The photograph is the one that the file names (``image``, ``imgname``, ``img_path``, ``image_path``), else the one whose name the
file bears. What each format leaves open is stated at its function.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hmr.body import BodyModel
from hmr.camera import default_K
from hmr.files import read_json
from hmr.formats.from_keypoints import MHR_70, ours
from hmr.formats.person_candidate import BY_KEYPOINTS, PersonCandidate
from hmr.formats.smpl_parameters import judged_by, keypoints_of_parameters
from hmr.photographs.folder import Photographs, pinhole
from hmr.skeleton import NUM_KEYPOINTS

_NAMES = ("image", "imgname", "img_path", "image_path")
_HMR2_FOCAL, _HMR2_SIZE = 5000.0, 256.0


def _everything() -> Tensor:
    return torch.ones(NUM_KEYPOINTS, dtype=torch.bool)


def _numbers(content: dict[str, Any], key: str) -> np.ndarray:
    return np.asarray(content[key], dtype=np.float64).reshape(-1)


def photograph_of(content: dict[str, Any], path: Path, photographs: Photographs) -> str:
    """Raises ValueError when there is none."""
    for key in _NAMES:
        if key in content:
            return photographs.named(str(np.asarray(content[key]).reshape(-1)[0]))
    return photographs.of_stem(path.stem)


def smpler_x(
    content: dict[str, Any], path: Path, model: str, photographs: Photographs, body: BodyModel
) -> PersonCandidate:
    """Keys global_orient, body_pose (21 joints), betas, transl. Camera: ``focal`` and ``princpt`` of the file, or of
    ../meta/NAME.json as the inference script writes it (a camera of that person's own: transl is in metres under it alone), else
    the photograph's diagonal and centre."""
    meta_path = path.parent.parent / "meta" / f"{path.stem}.json"
    meta = content if "focal" in content else (read_json(meta_path) if meta_path.exists() else {})
    name = photograph_of({**{k: v for k, v in meta.items() if k == "img_path"}, **content}, path, photographs)
    K = default_K(*photographs.size_wh(name))
    if "focal" in meta:
        focal, centre = np.ravel(meta["focal"]).astype(float), np.ravel(meta["princpt"]).astype(float)
        K = pinhole((focal[0], focal[-1]), (centre[0], centre[-1]))
    keys = ("global_orient", "body_pose", "betas", "transl")
    points = keypoints_of_parameters(*(content[k] for k in keys), model=body)
    return PersonCandidate(name, model, str(path), points, _everything(), K, judged_by(body))


def hmr2(content: dict[str, Any], path: Path, model: str, photographs: Photographs, body: BodyModel) -> PersonCandidate:
    """4D-Humans' output: global_orient, body_pose, betas (matrices or axis-angle; at the top or in pred_smpl_params), and the
    camera of the whole picture: pred_cam_t_full, or pred_cam with box_center and box_size. Focal length: scaled_focal_length,
    else 5000 / 256 times the picture's longer side, with the principal point in its centre, as the demo has it."""
    name = photograph_of(content, path, photographs)
    w, h = photographs.size_wh(name)
    inner = content.get("pred_smpl_params")
    parameters = inner if isinstance(inner, dict) else content
    focal = _HMR2_FOCAL / _HMR2_SIZE * max(w, h)
    if "scaled_focal_length" in content:
        focal = float(_numbers(content, "scaled_focal_length")[0])
    if "pred_cam_t_full" in content:
        t = _numbers(content, "pred_cam_t_full")
    else:
        (scale, tx, ty), centre = _numbers(content, "pred_cam"), _numbers(content, "box_center")
        size = float(_numbers(content, "box_size")[0]) * scale + 1e-9
        t = np.array([tx + 2 * (centre[0] - w / 2) / size, ty + 2 * (centre[1] - h / 2) / size, 2 * focal / size])
    points = keypoints_of_parameters(parameters["global_orient"], parameters["body_pose"], parameters["betas"], t, body)
    K = pinhole(focal, (w / 2, h / 2))
    return PersonCandidate(name, model, str(path), points, _everything(), K, judged_by(body))


def sam_3d_body(
    content: dict[str, Any], path: Path, model: str, photographs: Photographs, body: BodyModel
) -> PersonCandidate:
    """SAM 3D Body's dictionary of one person: pred_keypoints_3d (70, 3) in metres around the body, pred_cam_t, focal_length;
    the principal point is the picture's centre. 20 of our 29 keypoints are given: not the spine, collars, feet and head."""
    del body
    name = photograph_of(content, path, photographs)
    w, h = photographs.size_wh(name)
    given = np.asarray(content["pred_keypoints_3d"], dtype=np.float32).reshape(-1, 3)
    if len(given) != 70:
        raise ValueError(f"expected 70 MHR keypoints, got {len(given)}")
    points, known = ours(given + _numbers(content, "pred_cam_t"), MHR_70, np.ones(70, dtype=bool))
    K = pinhole(float(_numbers(content, "focal_length")[0]), (w / 2, h / 2))
    return PersonCandidate(name, model, str(path), points, known, K, BY_KEYPOINTS)
