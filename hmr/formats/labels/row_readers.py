"""4D-Humans, BEDLAM and CameraHMR: what a row of their .npz says of a body.

Some have a translation in the camera's frame. Where there is none the body is placed by its 2D keypoints.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

import numpy as np
import torch

from hmr.body import BodyModel
from hmr.camera import default_K
from hmr.formats.from_keypoints import (
    SMPLX_22,
    SPIN_44,
    SPIN_44_OF_SMPL,
    ours,
    placed,
    seen_keypoints,
    translation_from_pixels,
)
from hmr.formats.labelled_body import LabelledBody
from hmr.formats.labels.label_file import ParameterModel
from hmr.formats.person_candidate import BY_KEYPOINTS, PersonCandidate
from hmr.formats.smpl_parameters import body_of_parameters, check_betas, keypoints_of_parameters
from hmr.photographs.folder import PictureSource, pinhole
from hmr.skeleton import NUM_KEYPOINTS

_HMR2_FOCAL = 5000.0 / 256.0
Row = dict[str, np.ndarray]


def _all_known() -> torch.Tensor:
    return torch.ones(NUM_KEYPOINTS, dtype=torch.bool)


def text_of(value: np.ndarray) -> str:
    """A file's name; some files hold bytes."""
    plain = np.asarray(value).item()
    return plain.decode() if isinstance(plain, bytes) else str(plain)


def joints_of_pose(numbers: int) -> int:
    """Of axis-angle with the root first: SMPL's 72 numbers have 23 joints, of SMPL-X's 66 to 165 the body's 21 count.

    Raises ValueError for another number.
    """
    if not 66 <= numbers <= 165:
        raise ValueError(f"expected a pose of 72 (SMPL) or 66 to 165 numbers (SMPL-X), got {numbers}")
    return 23 if numbers == 72 else 21


def _of_pose(pose: np.ndarray, betas: np.ndarray, t: np.ndarray, body: ParameterModel) -> torch.Tensor:
    """Axis-angle with the root first (72 of SMPL, or 165 of SMPL-X, of which the body's 21 count) to keypoints (29, 3)."""
    flat = np.asarray(pose, dtype=np.float32).reshape(-1)
    return keypoints_of_parameters(flat[:3], flat[3 : 3 + 3 * joints_of_pose(flat.size)], betas, t, body.model)


def placed_by_pixels(points: torch.Tensor, values: np.ndarray, names: dict[int, str], K: torch.Tensor) -> torch.Tensor:
    """Points (29, 3) moved to where 2D keypoints (k, 3) with a confidence see them."""
    pixels, known = ours(values[:, :2], names, values[:, 2] > 0)
    return points + translation_from_pixels(points[known], pixels[known], K)


def _humans_4d_camera(row: Row, size_wh: tuple[int, int]) -> torch.Tensor:
    del row
    w, h = size_wh
    return pinhole(_HMR2_FOCAL * max(w, h), (w / 2, h / 2))


def _humans_4d_seen(row: Row) -> np.ndarray:
    return np.concatenate([row["body_keypoints_2d"], row["extra_keypoints_2d"]])


def humans_4d(row: Row, image: str, where: str, photographs: PictureSource, body: ParameterModel) -> PersonCandidate:
    """4D-Humans: focal length 5000 / 256 of the longer side, principal point in the centre. Without the user's own model the
    2D and 3D keypoints of the row, where those are given."""
    K, flat = _humans_4d_camera(row, photographs.size_wh(image)), _humans_4d_seen(row)
    if not body.is_users_own and "body_keypoints_3d" in row:
        deep = np.concatenate([row["body_keypoints_3d"], row["extra_keypoints_3d"]])
        both = (flat[:, 2] > 0) & (deep[:, 3] > 0)
        pixels, known = ours(flat[:, :2], SPIN_44, both)
        if known[0] and int(known.sum()) >= 4:
            points = placed(pixels, ours(deep[:, :3], SPIN_44, both)[0], known, K)
            return PersonCandidate(image, "label", where, points, known, K, BY_KEYPOINTS)
    if not float(np.ravel(row.get("has_body_pose", 1))[0]):
        raise ValueError("has no body (has_body_pose is 0) and too few 3D keypoints")
    points = placed_by_pixels(_of_pose(row["body_pose"], row["betas"], np.zeros(3), body), flat, SPIN_44, K)
    return PersonCandidate(image, "label", where, points, _all_known(), K, body.by)


def humans_4d_npz(
    row: Row, image: str, where: str, photographs: PictureSource, body: ParameterModel
) -> PersonCandidate:
    """As ``humans_4d``; of the .npz its loader leaves out the depths of OpenPose's 1 to 14."""
    if "body_keypoints_3d" in row:
        deep = row["body_keypoints_3d"].copy()
        deep[1:15, -1] = 0
        row = {**row, "body_keypoints_3d": deep}
    return humans_4d(row, image, where, photographs, body)


def is_stored_turned(size_wh: tuple[int, int], K: torch.Tensor) -> bool:
    """Is the camera's principal point the centre of the picture with its sides exchanged, rather than of the one in the file?"""
    w, h = size_wh
    u, v = (2 * K[:2, 2]).tolist()
    return abs(u - h) + abs(v - w) < abs(u - w) + abs(v - h)


def bedlam(row: Row, image: str, where: str, photographs: PictureSource, body: ParameterModel) -> PersonCandidate:
    """BEDLAM: pose_cam, shape, and transl = cam_ext's + trans_cam, under cam_int. Close-ups are upright in the labels, and lie
    turned in their files."""
    t = np.asarray(row["cam_ext"], dtype=np.float64)[:3, 3] + np.asarray(row["trans_cam"], dtype=np.float64)
    points = _of_pose(row["pose_cam"], row["shape"], t, body)
    K = torch.from_numpy(np.asarray(row["cam_int"], dtype=np.float32))
    turned = is_stored_turned(photographs.size_wh(image), K)
    return PersonCandidate(image, "label", where, points, _all_known(), K, body.by, turned)


def _camera_hmr_camera(row: Row, size_wh: tuple[int, int]) -> torch.Tensor:
    if "cam_int" in row:
        return torch.from_numpy(np.asarray(row["cam_int"], dtype=np.float32))
    return default_K(*size_wh)


def _camera_hmr_seen(row: Row) -> np.ndarray:
    seen = np.asarray(row["gtkps"], dtype=np.float32)[:, :3]
    return seen if seen.shape[1] == 3 else np.concatenate([seen, np.ones((len(seen), 1), dtype=np.float32)], 1)


def _gtkps_names(seen: np.ndarray) -> dict[int, str]:
    """Whose the keypoints of CameraHMR are: its loader reads 4D-Humans' 44; as few as SMPL's joints are those.

    Raises ValueError for another number.
    """
    if len(seen) >= 44:
        return SPIN_44
    if len(seen) in (22, 24):
        return SMPLX_22
    raise ValueError(f"gtkps: expected 44 keypoints (4D-Humans') or 22 to 24 (SMPL's joints), got {len(seen)}")


def _camera_hmr_place(row: Row) -> np.ndarray | None:
    """(3,) transl, where the file has one."""
    if "trans_cam" not in row and "cam_ext" not in row:
        return None
    place = np.asarray(row.get("trans_cam", np.zeros(3)), dtype=np.float64)
    return place + (np.asarray(row["cam_ext"], dtype=np.float64)[:3, 3] if "cam_ext" in row else 0.0)


def camera_hmr(row: Row, image: str, where: str, photographs: PictureSource, body: ParameterModel) -> PersonCandidate:
    """CameraHMR: pose_cam (or pose) and shape under cam_int (else the diagonal), at trans_cam (under cam_ext) where there is one,
    else placed by gtkps."""
    K, seen = _camera_hmr_camera(row, photographs.size_wh(image)), _camera_hmr_seen(row)
    pose = row["pose_cam"] if "pose_cam" in row else row["pose"]
    place = _camera_hmr_place(row)
    if place is not None:
        points = _of_pose(pose, row["shape"], place, body)
    else:
        points = placed_by_pixels(_of_pose(pose, row["shape"], np.zeros(3), body), seen, _gtkps_names(seen), K)
    return PersonCandidate(image, "label", where, points, _all_known(), K, body.by)


@dataclass(frozen=True)
class Fittable:
    """Where a format keeps what is fitted, and what it is fitted to. poses: axis-angle with the root first, under the first of
    these names that the file has. seen: 2D keypoints (k, 3) with a confidence, ``names`` of them says whose. place: transl, where
    the row has one."""

    poses: tuple[str, ...]
    betas: str
    names: Callable[[np.ndarray], dict[int, str]]
    seen: Callable[[Row], np.ndarray]
    camera: Callable[[Row, tuple[int, int]], torch.Tensor]
    place: Callable[[Row], np.ndarray | None]

    def pose_name(self, members: Collection[str]) -> str:
        return next(name for name in self.poses if name in members)

    def labelled(self, row: Row, image: str, where: str, photographs: PictureSource, model: BodyModel) -> LabelledBody:
        """Without a place of its own placed by the 2D keypoints. Raises one of ROW_ERRORS."""
        check_betas(row[self.betas])
        if not float(np.ravel(row.get("has_body_pose", 1))[0]):
            raise ValueError("has no body (has_body_pose is 0)")
        K, seen = self.camera(row, photographs.size_wh(image)), self.seen(row)
        pose = np.asarray(row[self.pose_name(row)], dtype=np.float32).reshape(-1)
        joints, names, place = 3 * joints_of_pose(pose.size), self.names(seen), self.place(row)
        transl = np.zeros(3) if place is None else place
        params = body_of_parameters(pose[:3], pose[3 : 3 + joints], row[self.betas], transl, model)
        if place is None:
            pixels, known = ours(seen[:, :2], names, seen[:, 2] > 0)
            found = translation_from_pixels(model.keypoints(params)[known], pixels[known], K)
            params = replace(params, t_cam_root=params.t_cam_root + found)
        of_smpl = SPIN_44_OF_SMPL if names is SPIN_44 else names
        return LabelledBody(image, where, params, seen_keypoints(seen, of_smpl), K)


FITTABLE = {
    "4D-Humans": Fittable(
        ("body_pose",), "betas", lambda seen: SPIN_44, _humans_4d_seen, _humans_4d_camera, lambda row: None
    ),
    "CameraHMR": Fittable(
        ("pose_cam", "pose"), "shape", _gtkps_names, _camera_hmr_seen, _camera_hmr_camera, _camera_hmr_place
    ),
}

Reader = Callable[[Row, str, str, PictureSource, ParameterModel], PersonCandidate]


def kind_of(names: set[str]) -> tuple[str, Reader] | None:
    """The format with these members, or None."""
    if "imgname" not in names:
        return None
    if {"pose_cam", "cam_ext", "trans_cam"} <= names:
        return "BEDLAM", bedlam
    if {"body_keypoints_2d", "extra_keypoints_2d", "body_pose"} <= names:
        return "4D-Humans", humans_4d_npz
    if "shape" in names and names & {"pose_cam", "pose"} and "gtkps" in names:
        return "CameraHMR", camera_hmr
    return None
