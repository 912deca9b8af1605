"""RTMPose and RTMW through rtmlib, where a user has installed it: surer than what the house brings, above all on athletes.

Its weights come from OpenMMLab's servers, by rtmlib itself (https://github.com/Tau-J/rtmlib, Apache-2.0).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Literal

import numpy as np

from hmr.detection.protocol import Detected
from hmr.keypoint_sets import COCO_17, COCO_WHOLEBODY, Keypoints, keypoint_set_of_length

_SOLUTIONS = {"body": ("Body", COCO_17), "wholebody": ("Wholebody", COCO_WHOLEBODY)}
#: Times the extent of the sure keypoints, which end at eyes and ankles.
_ENLARGE = 1.2


class RtmlibDetector:
    """A ``Detector`` of any rtmlib solution that gives 17 or 133 keypoints.

    Args:
        solution: takes a picture (h, w, 3) uint8, BGR; gives keypoints (n, k, 2) in pixels and their scores (n, k).
        min_score: of a person's mean keypoint, from 0 to 1.
    """

    def __init__(self, solution: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]], min_score: float = 0.3) -> None:
        self._solution = solution
        self._min_score = min_score

    @classmethod
    def load(
        cls,
        kind: Literal["body", "wholebody"] = "body",
        mode: Literal["lightweight", "balanced", "performance"] = "balanced",
        device: str = "cpu",
        min_score: float = 0.3,
    ) -> RtmlibDetector:
        """Raises ValueError when rtmlib is not installed, or for a kind that is not known."""
        if kind not in _SOLUTIONS:
            raise ValueError(f"rtmlib: expected one of {', '.join(_SOLUTIONS)}, got '{kind}'")
        try:
            rtmlib = importlib.import_module("rtmlib")
        except ImportError as error:
            raise ValueError(
                f"rtmlib: expected it to be installed ({error}); pip install rtmlib onnxruntime, or use the detector that "
                f"comes with this package"
            ) from None
        solution = getattr(rtmlib, _SOLUTIONS[kind][0])(mode=mode, backend="onnxruntime", device=device)
        return cls(solution, min_score)

    def people(self, photograph: np.ndarray) -> list[Detected]:
        """photograph: (h, w, 3) uint8, upright. The surest first."""
        places, scores = self._solution(np.ascontiguousarray(photograph[..., ::-1]))
        people = [_detected(*each) for each in zip(np.asarray(places), np.asarray(scores), strict=True)]
        # Where it finds nobody, RTMPose takes the whole picture for one person; whom the scores give away.
        sure = [person for person in people if person is not None and person.score >= self._min_score]
        return sorted(sure, key=lambda person: -person.score)


def _detected(places: np.ndarray, scores: np.ndarray) -> Detected | None:
    """One person of (k, 2) pixels and (k,) scores, which may be a little above 1; None where nothing is said."""
    keypoints = Keypoints.read(keypoint_set_of_length(len(places)), np.concatenate([places, scores[:, None]], 1))
    said = keypoints.px[keypoints.px[:, 2] > 0]
    if len(said) < 2:
        return None
    # Hidden points lie anywhere: the box is that of the points that are at least half as sure as the middle one.
    sure = said[said[:, 2] >= np.median(said[:, 2]) / 2, :2]
    centre, half = (sure.min(0) + sure.max(0)) / 2, (sure.max(0) - sure.min(0)) / 2 * _ENLARGE
    x0, y0, x1, y1 = (float(v) for v in (*(centre - half), *(centre + half)))
    return Detected((x0, y0, x1, y1), float(keypoints.px[:17, 2].mean()), keypoints)
