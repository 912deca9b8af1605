"""3DPW's sequences, .pkl: read, never written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hmr.formats.labels.label_file import ParameterModel
from hmr.formats.person_candidate import BY_KEYPOINTS, ROW_ERRORS, PersonCandidate, Unreadable, reason_of
from hmr.formats.smpl_parameters import keypoints_of_parameters
from hmr.photographs.folder import PictureSource
from hmr.skeleton import NUM_JOINTS, NUM_KEYPOINTS
from hmr.untrusted.unpickle import read_pickle


@dataclass
class SequenceFile:
    """poses (P, F, 72), trans, jointPositions (P, F, 72) in the world; cam_poses (F, 4, 4) from the world to the camera."""

    path: Path
    format_name: str = "3DPW"

    @cached_property
    def _content(self) -> dict[str, Any]:
        content = read_pickle(self.path)
        if missing := {"sequence", "poses", "betas", "trans", "cam_poses", "cam_intrinsics"} - set(content):
            raise ValueError(f"{self.path}: expected a 3DPW sequence, {sorted(missing)} are missing")
        return content

    @property
    def rows(self) -> tuple[str, ...]:
        """PERSON/FRAME."""
        return tuple(f"{p}/{f}" for p, poses in enumerate(self._content["poses"]) for f in range(len(poses)))

    def write(self, keep: np.ndarray, out: Path) -> None:
        del keep, out
        raise ValueError(f"{self.path}: 3DPW sequences are read only; the verdicts are in scores.parquet")

    def bodies(
        self, start: int, stop: int, photographs: PictureSource, body: ParameterModel
    ) -> Iterator[PersonCandidate | Unreadable]:
        for row in self.rows[start:stop]:
            person, frame = (int(v) for v in row.split("/"))
            where = f"{self.path}, person {person}, frame {frame}"
            try:
                image = photographs.named(f"{self._content['sequence']}/image_{frame:05d}.jpg")
                if "campose_valid" in self._content and not self._content["campose_valid"][person][frame]:
                    raise ValueError("its camera is not valid (campose_valid is 0)")
                points, known, by = self._world(person, frame, body)
                T = torch.from_numpy(np.asarray(self._content["cam_poses"][frame], dtype=np.float32))
                K = torch.from_numpy(np.asarray(self._content["cam_intrinsics"], dtype=np.float32))
                yield PersonCandidate(image, "label", where, points @ T[:3, :3].T + T[:3, 3], known, K, by)
            except ROW_ERRORS as error:
                yield Unreadable(where, reason_of(error))

    def _world(self, person: int, frame: int, body: ParameterModel) -> tuple[torch.Tensor, torch.Tensor, str]:
        content = self._content
        known = torch.ones(NUM_KEYPOINTS, dtype=torch.bool)
        if not body.is_users_own and "jointPositions" in content:
            points = torch.zeros(NUM_KEYPOINTS, 3)
            joints = np.asarray(content["jointPositions"][person][frame], dtype=np.float32).reshape(NUM_JOINTS, 3)
            points[:NUM_JOINTS], known[NUM_JOINTS:] = torch.from_numpy(joints), False
            return points, known, BY_KEYPOINTS
        pose = np.asarray(content["poses"][person][frame], dtype=np.float32)
        betas, trans = content["betas"][person][:10], content["trans"][person][frame]
        return keypoints_of_parameters(pose[:3], pose[3:], betas, trans, body.model), known, body.by
