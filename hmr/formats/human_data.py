"""HumanData .npz (mmhuman3d): many people of many photographs, SMPL or SMPL-X parameters with their translation, keypoints.

Camera: focal length and principal point of ``meta``, for all rows or a row each; without them the photograph's diagonal and its
centre. Parameters are in the camera frame (x right, y down, z forward), metres.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hmr.body import BodyModel, BodyParams
from hmr.camera import default_K
from hmr.formats.from_keypoints import HUMAN_DATA_190, ours, placed, seen_keypoints
from hmr.formats.labelled_body import LabelledBody
from hmr.formats.person_candidate import BY_KEYPOINTS, ROW_ERRORS, PersonCandidate, Unreadable, reason_of
from hmr.formats.smpl_parameters import body_of_parameters, check_betas, judged_by
from hmr.photographs.folder import PictureSource, pinhole
from hmr.skeleton import NUM_KEYPOINTS

_SETS = ("", "_smplx", "_smpl", "_original")
#: Those that a person or a detector gave; the others were made of the parameters.
_SEEN = ("_original", "")


def is_human_data(content: dict[str, Any]) -> bool:
    return "image_path" in content and any(isinstance(content.get(k), dict) for k in ("smpl", "smplx"))


def _row(values: Any, row: int, width: int) -> tuple[float, ...] | None:
    """One row's numbers of a value for all rows or for each; None where there is no such value."""
    if values is None:
        return None
    array = np.asarray(values, dtype=np.float64).reshape(-1, width) if np.size(values) >= width else None
    if array is None:
        array = np.repeat(np.asarray(values, dtype=np.float64).reshape(-1, 1), width, 1)
    return tuple(array[row if len(array) > 1 else 0])


@dataclass(frozen=True)
class HumanDataRows:
    """The content of one file. where: its name, for people."""

    content: dict[str, Any]
    where: str

    @property
    def parameters_of(self) -> str | None:
        """The member that bodies are read from: smplx, where there is one, else smpl, or none."""
        return next((name for name in ("smplx", "smpl") if isinstance(self.content.get(name), dict)), None)

    @property
    def _parameters(self) -> dict[str, Any]:
        return {} if self.parameters_of is None else self.content[self.parameters_of]

    @property
    def parameter_names(self) -> tuple[str, str, str, str]:
        """Of root, joints, betas and place; SMPLer-X takes betas_neutral, where there are some, for betas."""
        betas = "betas_neutral" if "betas_neutral" in self._parameters else "betas"
        return "global_orient", "body_pose", betas, "transl"

    def _camera(self, row: int, photographs: PictureSource, name: str) -> Tensor:
        meta = self.content["meta"] if isinstance(self.content.get("meta"), dict) else {}
        focal, principal = _row(meta.get("focal_length"), row, 2), _row(meta.get("principal_point"), row, 2)
        w, h = photographs.size_wh(name)
        K = default_K(w, h) if focal is None else pinhole((focal[0], focal[1]), (w / 2, h / 2))
        if principal is not None:
            K[0, 2], K[1, 2] = principal
        return K

    def _stored(self, kind: str, row: int, sets: tuple[str, ...] = _SETS) -> np.ndarray | None:
        """(190, c) of ``keypoints2d`` or ``keypoints3d``; a compressed file has the masked ones only."""
        for suffix in sets:
            values, mask = (self.content.get(f"{kind}{suffix}{end}") for end in ("", "_mask"))
            if values is None:
                continue
            stored = np.asarray(values[row], dtype=np.float32)
            full = np.zeros((190, stored.shape[-1]), dtype=np.float32)
            # Uncompressed, old files have the first 144 only.
            uncompressed = len(stored) == 190 or (len(stored) == 144 and (mask is None or len(mask) == 144))
            places = np.arange(len(stored)) if uncompressed else np.flatnonzero(mask if mask is not None else [])
            if len(places) != len(stored):
                raise ValueError(f"{kind}{suffix}: {len(stored)} keypoints, its mask says {len(places)}")
            full[places] = stored
            return full
        return None

    def _keypoints(self, kind: str, row: int) -> tuple[Tensor, Tensor] | None:
        """Ours, and which are given."""
        full = self._stored(kind, row)
        return None if full is None else ours(full[:, :-1], HUMAN_DATA_190, full[:, -1] > 0)

    def _from_keypoints(self, row: int, K: Tensor) -> tuple[Tensor, Tensor] | None:
        """Points and which are known, where the file has both 2D and 3D keypoints."""
        flat, deep = self._keypoints("keypoints2d", row), self._keypoints("keypoints3d", row)
        if flat is None or deep is None:
            return None
        known = flat[1] & deep[1]
        return placed(flat[0], deep[0], known, K), known

    def _numbers(self, name: str, row: int) -> np.ndarray:
        """One row's numbers of a parameter; a file may give one value for all rows, as (10,) or (1, 10)."""
        values = np.asarray(self._parameters[name])
        if values.ndim == 1:
            return values
        return values[0 if len(values) == 1 else row]

    def _body(self, row: int, model: BodyModel) -> BodyParams:
        return body_of_parameters(*(self._numbers(name, row) for name in self.parameter_names), model=model)

    def by_parameters(
        self, row: int, model: str, photographs: PictureSource, body: BodyModel
    ) -> PersonCandidate | Unreadable:
        """A row's body as ``body`` has it."""
        place = f"{self.where}, row {row}"
        if missing := set(self.parameter_names) - set(self._parameters):
            return Unreadable(
                place, f"its parameters lack {sorted(missing)}; without a translation there is no place in the picture"
            )
        try:
            name = photographs.named(str(self.content["image_path"][row]))
            points = body.keypoints(self._body(row, body))
            known = torch.ones(NUM_KEYPOINTS, dtype=torch.bool)
            return PersonCandidate(
                name, model, place, points, known, self._camera(row, photographs, name), judged_by(body)
            )
        except ROW_ERRORS as error:
            return Unreadable(place, reason_of(error))

    def labelled(self, row: int, photographs: PictureSource, body: BodyModel) -> LabelledBody:
        """A row's parameters beside the 2D keypoints that somebody saw. Raises one of ROW_ERRORS where there are not both."""
        if missing := set(self.parameter_names) - set(self._parameters):
            raise ValueError(f"its parameters lack {sorted(missing)}")
        seen = self._stored("keypoints2d", row, _SEEN)
        if seen is None:
            raise ValueError("has no 2D keypoints but those that were made of its parameters")
        check_betas(self._numbers(self.parameter_names[2], row))
        name = photographs.named(str(self.content["image_path"][row]))
        params = self._body(row, body)
        K = self._camera(row, photographs, name)
        return LabelledBody(name, f"{self.where}, row {row}", params, seen_keypoints(seen, HUMAN_DATA_190), K)

    def by_keypoints(self, row: int, model: str, photographs: PictureSource) -> PersonCandidate | Unreadable | None:
        """A row's body from the keypoints in the file; None where it has not both kinds."""
        place = f"{self.where}, row {row}"
        try:
            name = photographs.named(str(self.content["image_path"][row]))
            K = self._camera(row, photographs, name)
            found = self._from_keypoints(row, K)
            return None if found is None else PersonCandidate(name, model, place, *found, K, BY_KEYPOINTS)
        except ROW_ERRORS as error:
            return Unreadable(place, reason_of(error))


def read_human_data(
    content: dict[str, Any], where: str, model: str, photographs: PictureSource, body: BodyModel
) -> Iterator[PersonCandidate | Unreadable]:
    """Each row in turn."""
    rows = HumanDataRows(content, where)
    for row in range(len(content["image_path"])):
        yield rows.by_parameters(row, model, photographs, body)
