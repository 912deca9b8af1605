"""One photograph of a run as a viewer takes it: the picture, its camera, and every body of every person as vertices."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from adhmr.view.values import depth_behind, joint_spread_mm, plane_corners_cam, root_spread_mm, score_range

#: Relative difference of width to height up to which a picture is a copy of another: rounding of small ones.
_SAME_SHAPE = 0.02


@dataclass(frozen=True)
class SeenPerson:
    """n bodies, the best first.

    Attributes:
        key: the person's name, the same in every run over the same photographs and boxes.
        score: (n,), higher is better.
        expected_pve_mm: (n,); NaN where the scorer was not calibrated.
        vertices_cam: (n, v, 3) metres.
        joints_cam: (n, j, 3) metres, the pelvis first.
    """

    key: str
    score: np.ndarray
    expected_pve_mm: np.ndarray
    vertices_cam: np.ndarray
    joints_cam: np.ndarray

    @property
    def count(self) -> int:
        return len(self.score)

    @cached_property
    def joint_spread_mm(self) -> np.ndarray:
        return joint_spread_mm(self.joints_cam)

    @cached_property
    def root_spread_mm(self) -> float:
        return root_spread_mm(self.joints_cam)


@dataclass(frozen=True)
class SeenPhotograph:
    """A photograph with the people that a run saw in it.

    Attributes:
        name: of its file.
        rgb: (h, w, 3) uint8, upright; None where the file is not there any more.
        K: (3, 3) pixels of the whole photograph.
        people: of the run, in its order.
        left_out: people and candidates for each person that a limit left out.
        faces: (f, 3) of all bodies.
        joint_names: of all bodies.
    """

    name: str
    rgb: np.ndarray | None
    K: np.ndarray
    people: tuple[SeenPerson, ...]
    left_out: tuple[int, int]
    faces: np.ndarray
    joint_names: tuple[str, ...]

    @property
    def size_wh(self) -> tuple[int, int]:
        """Of the photograph that K is of, pixels: twice the principal point, which `predict` puts in the middle.

        So a smaller copy of the photograph, or none, does as well. A picture of another shape says its own size.
        """
        w, h = 2 * float(self.K[0, 2]), 2 * float(self.K[1, 2])
        if self.rgb is not None and abs(self.rgb.shape[1] / self.rgb.shape[0] - w / h) > _SAME_SHAPE * w / h:
            return self.rgb.shape[1], self.rgb.shape[0]
        return round(w), round(h)

    @cached_property
    def depth_m(self) -> float:
        """Where the photograph stands: behind all bodies."""
        return depth_behind([person.vertices_cam for person in self.people])

    @property
    def corners_cam(self) -> np.ndarray:
        """(4, 3) of the photograph where it stands, metres."""
        return plane_corners_cam(self.K, self.size_wh, self.depth_m)

    def person(self, key: str) -> SeenPerson | None:
        return next((person for person in self.people if person.key == key), None)


def ranges_of(shots: list[SeenPhotograph | None], one_scale: bool) -> list[dict[str, tuple[float, float]]]:
    """For each run's view of one photograph the ends of the colour scale by person.

    one_scale: the runs were scored by the same scorer, so that their scores compare and share their ends.
    """
    together = [person for shot in shots if shot is not None for person in shot.people]
    out: list[dict[str, tuple[float, float]]] = []
    for shot in shots:
        people = shot.people if shot is not None else ()
        out.append(
            {
                p.key: score_range([q.score for q in (together if one_scale else people) if q.key == p.key])
                for p in people
            }
        )
    return out
