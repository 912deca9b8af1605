"""Read somebody's files of bodies, whatever their format, into candidates that can be ranked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hmr.body import BodyModel
from hmr.formats.human_data import is_human_data, read_human_data
from hmr.formats.person_candidate import ROW_ERRORS, PersonCandidate, Unreadable, reason_of
from hmr.formats.person_files import hmr2, sam_3d_body, smpler_x
from hmr.formats.predictions import EXPORT_MARK, is_prediction, read_predictions
from hmr.photographs.folder import Photographs
from hmr.untrusted.object_npz import read_object_npz

PersonReader = Callable[[dict[str, Any], Path, str, Photographs, BodyModel], PersonCandidate]


def person_reader(content: dict[str, Any]) -> PersonReader:
    """By the keys that a file has. Raises ValueError that says which were expected."""
    keys = set(content)
    if {"pred_keypoints_3d", "pred_cam_t", "focal_length"} <= keys and "pred_smpl_params" not in keys:
        return sam_3d_body
    if keys & {"pred_cam_t_full", "pred_cam"}:
        return hmr2
    if {"global_orient", "body_pose", "betas", "transl"} <= keys:
        return smpler_x
    raise ValueError(
        f"the format is not known; expected HumanData (image_path, smpl or smplx), SMPLer-X (global_orient, body_pose, betas, "
        f"transl), 4D-Humans (pred_smpl_params and a camera) or SAM 3D Body (pred_keypoints_3d, pred_cam_t, focal_length), "
        f"found {sorted(keys)[:8]}"
    )


def candidate_files(path: Path) -> list[Path]:
    """The file itself, or the .npz of a folder and its subfolders. Raises ValueError when there is none."""
    if not path.is_dir():
        return [path]
    files = sorted(p for p in path.rglob("*") if p.suffix.lower() == ".npz" and p.is_file())
    if not files:
        others = sorted({p.suffix for p in path.rglob("*") if p.is_file() and p.suffix})
        raise ValueError(f"{path}: has no .npz files" + (f"; it has {', '.join(others[:5])}" if others else ""))
    return files


def read_candidates(
    path: Path, model: str, photographs: Photographs, body: BodyModel
) -> tuple[list[PersonCandidate], list[Unreadable]]:
    """path: a file, or a folder of .npz files (with subfolders), but what was made of others in it for other programs. What
    cannot be read is listed with the reason.

    Raises ValueError when there is no such file, or no .npz in the folder.
    """
    found: list[PersonCandidate] = []
    bad: list[Unreadable] = []
    for file in candidate_files(path):
        try:
            content = read_object_npz(file)
            if EXPORT_MARK in content and file != path:
                continue
            if is_prediction(content):
                found += read_predictions(content, file, model, photographs, body)
            elif is_human_data(content):
                items = list(read_human_data(content, str(file), model, photographs, body))
                found += [item for item in items if isinstance(item, PersonCandidate)]
                bad += [item for item in items if isinstance(item, Unreadable)]
            else:
                found.append(person_reader(content)(content, file, model, photographs, body))
        except ROW_ERRORS as error:
            bad.append(Unreadable(str(file), reason_of(error)))
    return found, bad
